"""What travels, as attrs classes: frozen, slotted, keyword-only, checked when they are made."""
