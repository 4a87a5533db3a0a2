"""Write the JSON Schema again."""

import json

from proofs.schema import PATH, build_schema

PATH.write_text(json.dumps(build_schema(), indent=2) + "\n")
