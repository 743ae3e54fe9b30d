"""b3cotahist, to a pandas frame alone (floats)"""

import b3cotahist
from fields import ZIP

assert len(b3cotahist.read_zip(ZIP))
