"""Write the test vectors again."""

import json

from proofs.vectors import PATH, build_vectors, verdicts

PATH.write_text(json.dumps(build_vectors(), indent=2) + "\n")
verdicts.PATH.write_text(verdicts.write_verdicts())
