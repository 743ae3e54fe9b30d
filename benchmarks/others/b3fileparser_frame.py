"""b3fileparser, to a pandas frame alone (floats)"""

from b3fileparser.b3parser import read_b3_file
from fields import TEXT

assert len(read_b3_file(TEXT))
