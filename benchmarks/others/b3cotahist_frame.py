"""b3cotahist: a pandas frame."""

import b3cotahist
from fields import ZIP

print(len(b3cotahist.read_zip(ZIP)))
