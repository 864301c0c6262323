// validate.mjs FILE: holds an OpenAPI document against the schema of its
// version.  Prints the faults; exit status 1 if there are any.

import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { dirname, join } from 'node:path';

const here = dirname(fileURLToPath(import.meta.url));
const modules = process.env.AGENT_OPENAPI_MODULES
    ?? join(here, '../../build/openapi');
const require = createRequire(join(modules, 'package.json'));
const { Validator } = await import(
    pathToFileURL(require.resolve('@seriousme/openapi-schema-validator')));

const validator = new Validator();
const result = await validator.validate(process.argv[2]);

if (!result.valid) {
    console.log(JSON.stringify(result.errors, null, 2));
    process.exit(1);
}

console.log(validator.version);
