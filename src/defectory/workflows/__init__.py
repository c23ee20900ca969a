"""What the product does: dataclasses in, dataclasses out; nothing here prints."""
