"""b3fileparser: a pandas frame, its default."""

from b3fileparser.b3parser import B3Parser
from fields import ZIP

print(len(B3Parser.create_parser("pandas").read_b3_file(ZIP)))
