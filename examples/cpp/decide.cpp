// Decides about one image by an exported folder, without Python:
//
//     decide FOLDER/model.onnx|model.xml IMAGE.ppm THRESHOLD
//
// prints the score and the decision. THRESHOLD is that of FOLDER/decision.json. OpenVINO reads both kinds of
// graph. The exit status is 0 for a part that is accepted, 1 for one that is rejected, 2 where something fails.

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <openvino/openvino.hpp>

struct Image {
    std::size_t height = 0, width = 0;
    std::vector<std::uint8_t> pixels;  // rows of red, green, blue
};

std::size_t read_number(std::istream& file) {
    while ((file >> std::ws) && file.peek() == '#')
        file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    std::size_t number = 0;
    if (!(file >> number) || number == 0 || number > 65535)
        throw std::runtime_error("no binary PPM of 8 bits");
    return number;
}

Image read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    char magic[2] = {};
    file.read(magic, 2);
    if (magic[0] != 'P' || magic[1] != '6') throw std::runtime_error(path + ": no binary PPM");
    Image image;
    image.width = read_number(file);
    image.height = read_number(file);
    if (read_number(file) != 255) throw std::runtime_error(path + ": not of 8 bits");
    file.get();  // one space, then pixels
    image.pixels.resize(image.height * image.width * 3);
    if (!file.read(reinterpret_cast<char*>(image.pixels.data()), image.pixels.size()))
        throw std::runtime_error(path + ": cut off");
    return image;
}

int main(int n_arguments, char** arguments) try {
    if (n_arguments != 4) throw std::runtime_error("usage: decide MODEL IMAGE.ppm THRESHOLD");
    const double threshold = std::stod(arguments[3]);
    Image image = read_ppm(arguments[2]);

    ov::Core core;
    // single precision, as it was certified; load once, decide many
    auto model = core.compile_model(arguments[1], "CPU", ov::hint::inference_precision(ov::element::f32));
    auto request = model.create_infer_request();
    request.set_tensor("image", ov::Tensor(ov::element::u8, {image.height, image.width, 3}, image.pixels.data()));
    request.infer();

    const float score = request.get_tensor("score").data<float>()[0];
    const bool is_rejected = score > threshold;
    std::cout.precision(9);
    std::cout << score << (is_rejected ? " rejected" : " accepted") << std::endl;
    return is_rejected ? 1 : 0;
} catch (const std::exception& error) {
    std::cerr << "decide: " << error.what() << std::endl;
    return 2;
}
