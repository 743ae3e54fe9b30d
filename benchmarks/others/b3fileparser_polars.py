"""b3fileparser: a Polars frame."""

from b3fileparser.b3parser import B3Parser
from fields import ZIP

print(len(B3Parser.create_parser("polars").read_b3_file(ZIP)))
