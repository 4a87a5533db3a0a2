"""Write the JSON Schemas again."""

import json

from proofs.schema import PATH, VAULT_PATH, build_schema, build_vault_schema

for path, schema in ((PATH, build_schema()), (VAULT_PATH, build_vault_schema())):
    path.write_text(json.dumps(schema, indent=2) + "\n")
