"""Find faces in pictures, with the packaged weights of MTCNN."""

from .detector import Face, Faces
from .weights import DISTRIBUTION, FILES

__all__ = ["DISTRIBUTION", "FILES", "Face", "Faces"]
