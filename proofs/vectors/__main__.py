"""Write the test vectors again."""

import json

from proofs.vectors import PATH, build_vectors

PATH.write_text(json.dumps(build_vectors(), indent=2) + "\n")
