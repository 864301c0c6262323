// usage: node t/mcp/server.js
//
// A server of the Model Context Protocol for tests, by the official SDK, which
// t/mcp/install puts into build/mcp; on loopback, at /mcp.  It says "ready
// PORT" once it listens, and ends by SIGTERM or with its standard input.  It
// speaks 2026-07-28 and, without a session, the revisions before.
//
// Tools: find_invoice, make_invoice, "Grüße" and drop_all answer with JSON: the
// header fields that the request had here.  wait says that it has begun, in a
// stream, and ends when somebody calls release.

'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { createRequire } = require('node:module');

const modules = process.env.AGENT_MCP_MODULES
    || path.join(__dirname, '../../build/mcp');
const load = createRequire(path.join(modules, 'package.json'));
const { McpServer, createMcpHandler } = load('@modelcontextprotocol/server');
const { toNodeHandler } = load('@modelcontextprotocol/node');

const echoing = [ 'find_invoice', 'make_invoice', 'Grüße', 'drop_all' ];
const waiting = new Set();


function text(value) {
    return { content: [ { type: 'text', text: JSON.stringify(value) } ] };
}


function newServer({ requestInfo }) {
    const server = new McpServer({ name: 'test', version: '0.0.0' });
    const echo = async () => text(Object.fromEntries(requestInfo.headers));

    for (const name of echoing) {
        server.registerTool(name, { description: name }, echo);
    }

    server.registerTool('wait', { description: 'wait' }, async context => {
        const released = new Promise(resolve => waiting.add(resolve));

        await context.mcpReq.notify({
            method: 'notifications/progress',
            params: {
                progressToken: context.mcpReq._meta?.progressToken,
                progress: 1,
            },
        });
        await released;

        return text('released');
    });

    server.registerTool('release', { description: 'release' }, async () => {
        const released = waiting.size;

        waiting.forEach(resolve => resolve());
        waiting.clear();

        return text(released);
    });

    return server;
}


function endWithParent() {
    const input = fs.fstatSync(0);

    process.on('SIGTERM', () => process.exit(0));

    if (input.isFIFO() || input.isSocket()) {
        process.stdin.on('end', () => process.exit(0));
        process.stdin.on('error', () => process.exit(0));
        process.stdin.resume();
    }
}


const handler = createMcpHandler(newServer, {
    onerror: error => console.error(error.message),
});
const answer = toNodeHandler(handler);
const server = http.createServer((request, response) => {
    if (request.url.split('?')[0] !== '/mcp') {
        response.writeHead(404).end();
        return;
    }

    answer(request, response);
});

endWithParent();
server.keepAliveTimeout = 600000;
server.listen(0, '127.0.0.1',
    () => console.log(`ready ${server.address().port}`));
