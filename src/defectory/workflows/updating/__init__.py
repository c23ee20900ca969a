"""A bundle takes labels that a person has confirmed."""
