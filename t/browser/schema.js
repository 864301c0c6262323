// Validates the JSON on standard input against the schema that is named, taking
// no member that the schema does not name: exits with 0, or prints what is wrong
// and exits with 1.

'use strict';

const fs = require('fs');
const path = require('path');

const modules = path.join(__dirname, '../../build/browser/node_modules');
const Ajv = require(path.join(modules, 'ajv/dist/2020')).default;

const schema = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
// readers are to ignore what they do not know, but all of it is documented
(function close(node) {
  if (node && typeof node === 'object') {
    if (node.properties && node.type) { node.additionalProperties = false; }
    Object.values(node).forEach(close);
  }
}(schema));

const validate = new Ajv({ strict: true, allErrors: true,
  allowUnionTypes: true }).compile(schema);

if (!validate(JSON.parse(fs.readFileSync(0, 'utf8')))) {
  console.log(JSON.stringify(validate.errors, null, 2));
  process.exit(1);
}
