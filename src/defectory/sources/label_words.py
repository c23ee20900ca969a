"""The words for good and bad parts that are understood, in the languages of many factories.

A word that ends in * stands for all that begin with it; of several the longest decides (`defekt*` is bad,
`defektfrei*` is good). Case, accents, spaces, hyphens, underscores, dots and numbers at the end do not
count. `docs/data.md` shows the same table; a test compares them.
"""

GOOD = {
    "English": (
        "good, goods, ok, okay, io, normal, normals, pass, passed, passes, accept, accepted, "
        "acceptable, conforming, compliant, inlier*, perfect, flawless, faultless, undamaged, intact, "
        "defectfree*, defect-less*, fault-free*, no defect*, non defect*, not defect*, without defect*, "
        "not anomal*, non anomal*, not bad, no anomal*, no fault*"
    ),
    "German": (
        "gut, gute, guter, gutes, gutteil, gutteile, i.O., in Ordnung, einwandfrei*, bestanden, "
        "fehlerfrei*, fehlerlos*, defektfrei*, mangelfrei*, mängelfrei*, maengelfrei*, ohne Fehler, "
        "ohne Defekt, ohne Mangel, kein Fehler*, keine Fehler*, kein Defekt*, nicht defekt*, "
        "nicht fehlerhaft*, unbeschädigt*, unbeschaedigt*, normale"
    ),
    "French": (
        "bon, bonne, bons, bonnes, conforme, conformes, accepté, acceptée, sans défaut*, "
        "pas de défaut*, non défectueu*, normaux, normale"
    ),
    "Spanish": (
        "bueno, buena, buenos, buenas, bien, conforme, correcto, correcta, aprobado, aceptado, "
        "sin defecto*, no defectuos*, normales"
    ),
    "Italian": (
        "buono, buona, buoni, buone, conforme, conformi, corretto, accettato, senza difett*, "
        "non difettos*, nessun difetto, normali"
    ),
    "Chinese": (
        "良品, 合格, 合格品, 正常, 好, 好品, 正品, 无缺陷*, 無缺陷*, 无异常*, 無異常*, liangpin, hege, "
        "hegepin, zhengchang"
    ),
    "Japanese": (
        "良, 良品, 合格, 正常, 異常なし*, 欠陥なし*, 不良なし*, ryohin, ryouhin, seijo, seijou, gokaku, "
        "goukaku"
    ),
}
"""Language -> words for parts without a defect."""

BAD = {
    "English": (
        "bad, ng, nok, ko, no good, not good, not ok, non ok, fail, failed, fails, failing, failure, "
        "failures, reject*, scrap, scraps, scrapped, def, defect*, anomal*, abnormal*, abnorm*, "
        "outlier*, fault, faults, faulty, flaw, flaws, flawed, damage, damages, damaged, broken, "
        "imperfect*, not pass, not passed, not accepted, not conform*, non conform*, not normal, "
        "non normal"
    ),
    "German": (
        "schlecht, schlechte, schlechter, schlechtes, schlechtteil, schlechtteile, n.i.O., nicht i.O., "
        "nicht in Ordnung, nicht ok, nicht gut, Ausschuss*, defekt*, Fehler*, Mangel, Mängel, Maengel, "
        "mangelhaft*, kaputt*, beschädigt*, beschaedigt*, durchgefallen, nicht bestanden, Schrott, "
        "verworfen"
    ),
    "French": (
        "mauvais, mauvaise, mauvaises, défaut*, défectueu*, anormal*, anormaux, rebut, rebuts, rejet*, "
        "pas bon, pas ok, non conforme*"
    ),
    "Spanish": (
        "malo, mala, malos, malas, defecto*, defectuos*, anormal*, rechaz*, no conforme*, no aprobado, "
        "no ok, no bueno, desecho, desechos, chatarra"
    ),
    "Italian": (
        "cattivo, cattiva, cattivi, difett*, guasto, guasti, anormal*, scarto, scarti, scartat*, "
        "non conform*, non buono"
    ),
    "Chinese": (
        "不良*, 不合格*, 次品, 坏, 坏品, 废品, 廢品, 异常*, 異常*, 缺陷*, 有缺陷*, 瑕疵*, buliang, "
        "buliangpin, buhege, cipin, feipin, yichang, quexian, xiaci"
    ),
    "Japanese": (
        "不良*, 不合格*, 異常*, 欠陥*, furyo, furyou, furyohin, furyouhin, fugokaku, fugoukaku, ijo, "
        "ijou, kekkan"
    ),
}
"""Language -> words for parts with a defect."""

UNLABELED = {
    "English": (
        "unlabeled, unlabelled, not labeled, not labelled, unknown, unclassified, unannotated, "
        "unsorted, unchecked, unclear, unsure, to do, tbd, n/a, nan, null"
    ),
    "German": (
        "unbekannt, unsortiert, ungeprüft, ungeprueft, unklar, unklassifiziert, unbewertet, "
        "nicht geprüft, nicht bewertet"
    ),
    "French": "inconnu, inconnue, inconnus, non étiqueté, non classé, non trié",
    "Spanish": "desconocido, desconocida, sin etiqueta, sin etiquetar, sin clasificar",
    "Italian": "sconosciuto, sconosciuta, non etichettato, non classificato, senza etichetta",
    "Chinese": "未知, 未标注, 未標註, 未分类, weizhi",
    "Japanese": "未知, 未分類, 未確認, 不明, michi, fumei",
}
"""Language -> words for parts of which nothing is known."""

YES = "1, true, yes, y, ja, j, oui, si, vrai, wahr, verdadero, vero, x, 是, はい"
NO = "0, false, no, n, nein, non, none, keine, kein, ohne, faux, falsch, falso, 否, いいえ"
"""Answers where a column asks a question: `is_defect`, `ok`."""

NEGATIONS = (
    "no, none, not, non, kein, keine, keiner, nicht, ohne, sans, pas, sin, senza, free, frei, "
    "without, never, nie, or, oder, ou"
)
"""Words that turn another round, or leave it open: a name that holds one is asked about."""

HARMLESS = (
    "part, parts, piece, pieces, product, products, sample, samples, item, items, image, images, img, "
    "pic, pics, picture, pictures, photo, photos, data, set, dataset, teil, teile, bild, bilder, foto, "
    "fotos, stück, stücke, muster, daten, pièce, pièces, pieza, piezas, pezzo, pezzi, imagen, imágenes, "
    "immagini, front, back, top, bottom, left, right, side, new, old, train, training, test, val, "
    "validation, class, cam, camera, kamera, line, linie, batch, charge, lot, day, tag"
)
"""What may stand behind a word for good without making it doubtful: `OK-Teile`, `good_parts`."""
