"""Documents of the Open Container Initiative: image, runtime and distribution specifications."""
