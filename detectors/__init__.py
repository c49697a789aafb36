"""Frames become samples."""

import os

# OpenCV reads this when it is loaded. A TIFF, AVIF or JPEG 2000 file of a few hundred bytes may say
# that it is a picture of gigabytes; the sizes of other forms are read before anything is decoded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "100000000")
