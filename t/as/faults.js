// usage: node t/as/faults.js --port N [--host ADDRESS | --unix PATH]
//            [--tls CERT KEY] [--upstream http://ADDRESS:PORT]
//
// A server of HTTP/1.1 that does what a real one will not.  It stands before
// t/as/server.js, or answers by itself.  It says "ready PORT CONTROL" once it
// listens on both, and ends as t/as/server.js does.  What it saw it keeps in
// memory, and writes nowhere.
//
// Control, in plain HTTP on port CONTROL of 127.0.0.1; GET or POST:
//
//     /stats           JSON: connections (accepted), open, requests, now (not
//                      yet answered), most (at once), stalled, and paths: the
//                      same three for each path
//     /seen            JSON: of each request connection (a number), method,
//                      path, query, headers (lower case), fields (the lines
//                      as they came), body, and of TLS tls: { version,
//                      servername, reused, subject }
//     /await?NAME=N    answers when that member of /stats is N or more
//     /rule            a rule in JSON is added
//     /accept?do=WHAT[&times=N]    connections are reset, closed, or stalled:
//                      accepted and not read; do=serve is as usual
//     /clear           no rule, no such treatment; what is held is released
//     /release         answers held and stalled go on
//     /close           all connections are closed
//     /reset           counts and requests seen are forgotten
//     /listen?on=0     no longer listens: connections are refused; on=1: again
//     /upstream?uri=URI
//     /certificate?cert=FILE&key=FILE[&min=TLSv1.3][&max=TLSv1.2]
//
// A request that no rule is for is passed on.  The first that is for it counts:
//
//     path      what the path of the request ends with; all, if absent
//     method    likewise; equal
//     times     so many requests, then the rule is gone
//
//     status, headers (a value or a list of them), body, type
//               an answer of this server.  Without status and body that of
//               upstream is taken, and what else is here changes it
//     base64    body is in base64
//     pad       the answer is {"active":true,"pad":"x..."} of so many octets
//     raw       instead of all of these, the octets of an answer
//     endless   the body never ends
//     gzip      the body is compressed
//     length    another Content-Length; false: none, the body ends when the
//               connection does
//     chunked   "good", with an "extension" or a "trailer", or wrong: see below
//
//     delay     milliseconds until it is sent; hold: true: until /release
//     stall     after so many octets of it (head and all) nothing more comes,
//               until /release
//     cut       after so many octets the connection is closed
//     reset     ... is reset
//     drip      milliseconds between pieces of "octets" (1) octets
//     close     true: the connection is closed afterwards, and that is said;
//               "silent": it is not said; "abrupt": below TLS, which is not
//               told (no close_notify)

'use strict';

const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const tls = require('node:tls');
const zlib = require('node:zlib');
const { parseArgs } = require('node:util');
const { setTimeout: pause } = require('node:timers/promises');

const maxSeen = 10000;
const sockets = new Set();

let options;
let upstream;
let secure;                         // the TLS server, which never listens
let listener;
let rules = [];
let accepting = { treatment: 'serve', times: Infinity };
let seen = [];
let stats;
let held = [];                      // what /release calls
let watchers = [];

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });


// -- counting

function resetStats() {
    const now = stats?.now ?? 0;

    stats = {
        connections: 0, open: sockets.size, requests: 0, now, most: now,
        stalled: held.length, paths: {},
    };
    seen = [];
}


function changed() {
    watchers = watchers.filter(({ name, value, reply }) => {
        if (stats[name] < value) {
            return true;
        }

        reply(200, stats);
        return false;
    });
}


function enter(path) {
    const count = stats.paths[path] ??= { requests: 0, now: 0, most: 0 };

    for (const one of [ stats, count ]) {
        one.requests++;
        one.now++;
        one.most = Math.max(one.most, one.now);
    }

    changed();

    return () => {
        count.now--;
        stats.now--;
    };
}


// until /release, or until nobody waits for it any more

function untilReleased(socket) {
    return new Promise(resolve => {
        const go = () => {
            held = held.filter(one => one !== go);
            stats.stalled = held.length;
            socket.off('close', go);
            resolve();
        };

        held.push(go);
        stats.stalled = held.length;
        socket.once('close', go);
        changed();
    });
}


// -- reading requests

class Reader {
    constructor(socket) {
        this.octets = Buffer.alloc(0);
        this.ended = false;
        this.wake = () => {};

        socket.on('data', data => {
            this.octets = Buffer.concat([ this.octets, data ]);
            this.wake();
        });

        for (const event of [ 'end', 'close', 'error' ]) {
            socket.on(event, () => {
                this.ended = true;
                this.wake();
            });
        }
    }

    // false when there will be no more

    async more() {
        if (this.ended) {
            return false;
        }

        await new Promise(resolve => {
            this.wake = resolve;
        });

        return true;
    }

    async until(mark) {
        let end;

        while ((end = this.octets.indexOf(mark)) < 0) {
            if (!await this.more()) {
                return undefined;
            }
        }

        return this.cut(end + mark.length).toString('latin1');
    }

    async take(size) {
        while (this.octets.length < size) {
            if (!await this.more()) {
                return undefined;
            }
        }

        return this.cut(size);
    }

    cut(size) {
        const taken = this.octets.subarray(0, size);

        this.octets = this.octets.subarray(size);

        return taken;
    }

    async chunks() {
        const parts = [];

        for ( ;; ) {
            const size = parseInt(await this.until('\r\n'), 16);

            if (!size) {
                await this.until('\r\n');
                return Buffer.concat(parts);
            }

            parts.push((await this.take(size + 2))?.subarray(0, size)
                ?? Buffer.alloc(0));

            if (this.ended) {
                return Buffer.concat(parts);
            }
        }
    }

    async request() {
        const head = await this.until('\r\n\r\n');

        if (head === undefined) {
            return undefined;
        }

        const [ first, ...fields ] = head.slice(0, -4).split('\r\n');
        const [ method, uri ] = first.split(' ');
        const [ path, query ] = uri.split('?');
        const headers = {};

        for (const field of fields) {
            const at = field.indexOf(':');
            const name = field.slice(0, at).toLowerCase();
            const value = field.slice(at + 1).trim();

            headers[name] = name in headers ? `${headers[name]}, ${value}`
                : value;
        }

        const body = /chunked/i.test(headers['transfer-encoding'] ?? '')
            ? await this.chunks()
            : await this.take(Number(headers['content-length'] ?? 0));

        if (body === undefined) {
            return undefined;
        }

        return { method, uri, path, query, headers, fields, body };
    }
}


// -- making answers

function ruleFor({ method, path }) {
    const rule = rules.find(one =>
        path.endsWith(one.path ?? '')
        && (one.method ?? method) === method);

    if (rule?.times !== undefined && --rule.times <= 0) {
        rules = rules.filter(one => one !== rule);
    }

    return rule ?? {};
}


function passedOn({ method, uri, headers, body }) {
    const { hostname, port } = new URL(upstream);
    const sent = { ...headers, 'content-length': body.length };

    delete sent.connection;
    delete sent['transfer-encoding'];

    if (options.tls) {
        sent['x-forwarded-proto'] = 'https';
    }

    return new Promise(resolve => {
        const failed = error => resolve({
            status: 502,
            headers: { 'Content-Type': 'text/plain' },
            body: Buffer.from(`${error.message}\n`),
        });

        const request = http.request({
            agent, method, hostname, port, path: uri, headers: sent,
        }, response => {
            const parts = [];

            response.on('data', part => parts.push(part));
            response.on('error', failed);
            response.on('end', () => resolve({
                status: response.statusCode,
                headers: response.headers,
                body: Buffer.concat(parts),
            }));
        });

        request.on('error', failed);
        request.end(body);
    });
}


function padded(size) {
    const [ before, after ] = [ '{"active":true,"pad":"', '"}' ];

    return before
        + 'x'.repeat(Math.max(0, size - before.length - after.length)) + after;
}


function ownAnswer(rule) {
    const body = rule.pad !== undefined ? padded(rule.pad) : rule.body ?? '';

    return {
        status: rule.status ?? 200,
        headers: { 'Content-Type': 'application/json' },
        body: Buffer.from(body, rule.base64 ? 'base64' : 'utf8'),
    };
}


// The body as two chunks, and what is wrong with it by its name.

function chunked(body, kind) {
    const half = body.length >> 1;
    const [ one, two ] = [ body.subarray(0, half), body.subarray(half) ];
    const size = part => part.length.toString(16);
    const parts = (first, second, end) => Buffer.concat([
        Buffer.from(`${first}\r\n`), one,
        Buffer.from(`\r\n${second}\r\n`), two, Buffer.from(end),
    ]);

    const end = '\r\n0\r\n\r\n';
    const [ a, b ] = [ size(one), size(two) ];

    switch (kind) {
    case 'good':       return parts(a, b, end);
    case 'extension':  return parts(`${a};a=b`, `${b} ; c="d"`, end);
    case 'trailer':    return parts(a, b, '\r\n0\r\nX-Trailer: 1\r\n\r\n');
    case 'not-hex':    return parts(a, 'xyz', end);
    case 'negative':   return parts(a, `-${b}`, end);
    case 'empty-size': return parts(a, '', end);
    case 'huge-size':  return parts(a, 'fffffffffffffff0', end);
    case 'overflow':   return parts(a, `10000000000000000${b}`, end);
    case 'too-short':  return parts(a, size(two.subarray(1)), end);
    case 'too-long':   return parts(a, (two.length + 3).toString(16), end);
    case 'no-last':    return parts(a, b, '\r\n');
    default:           throw new Error(`chunked ${kind}`);
    }
}


// Octets of the answer, and whether the connection stays.

async function octetsFor(request, rule) {
    const own = rule.status !== undefined || rule.body !== undefined
        || rule.pad !== undefined || upstream === undefined;
    const answer = own ? ownAnswer(rule) : await passedOn(request);
    const headers = new Map();

    const set = (name, value) => headers.set(name.toLowerCase(),
        [ name, value ]);

    for (const [ name, value ] of Object.entries(answer.headers)) {
        set(name, value);
    }

    for (const name of [ 'connection', 'keep-alive', 'transfer-encoding' ]) {
        headers.delete(name);
    }

    let { body } = answer;

    if (rule.gzip) {
        body = zlib.gzipSync(body);
        set('Content-Encoding', 'gzip');
    }

    if (rule.chunked) {
        body = chunked(body, rule.chunked);
        headers.delete('content-length');
        set('Transfer-Encoding', 'chunked');

    } else {
        set('Content-Length', rule.length ?? body.length);
    }

    if (rule.type !== undefined) {
        set('Content-Type', rule.type);
    }

    for (const [ name, value ] of Object.entries(rule.headers ?? {})) {
        set(name, value);
    }

    if (rule.length === false || rule.endless) {
        headers.delete('content-length');
    }

    const closes = rule.close !== undefined || rule.length === false
        || /close/i.test(request.headers.connection ?? '');

    if (closes && rule.close !== 'silent') {
        set('Connection', 'close');
    }

    let head = `HTTP/1.1 ${answer.status} `
        + `${http.STATUS_CODES[answer.status] ?? 'Other'}\r\n`;

    for (const [ name, value ] of headers.values()) {
        for (const one of [ value ].flat()) {
            head += `${name}: ${one}\r\n`;
        }
    }

    if (request.method === 'HEAD' || [ 204, 304 ].includes(answer.status)) {
        body = Buffer.alloc(0);
    }

    return [
        Buffer.concat([ Buffer.from(`${head}\r\n`, 'latin1'), body ]), closes,
    ];
}


// -- sending them

// false when the peer is gone

function written(socket, octets) {
    return new Promise(resolve => {
        if (socket.destroyed) {
            return resolve(false);
        }

        if (octets.length === 0) {
            return resolve(true);
        }

        socket.write(octets, error => resolve(!error));
    });
}


async function dripped(socket, octets, rule) {
    const size = rule.octets ?? 1;

    for (let at = 0; at < octets.length; at += size) {
        if (!await written(socket, octets.subarray(at, at + size))) {
            return false;
        }

        await pause(rule.drip);
    }

    return true;
}


// A reset is one of the connection below TLS.

function resetConnection(socket) {
    (socket.below ?? socket).resetAndDestroy();
}


async function send(socket, octets, rule) {
    const put = part => (rule.drip === undefined ? written(socket, part)
        : dripped(socket, part, rule));

    if (rule.reset !== undefined) {
        await put(octets.subarray(0, rule.reset));
        resetConnection(socket);
        return;
    }

    if (rule.cut !== undefined) {
        await put(octets.subarray(0, rule.cut));
        socket.end();
        return;
    }

    if (rule.stall !== undefined) {
        if (!await put(octets.subarray(0, rule.stall))) {
            return;
        }

        await untilReleased(socket);
        octets = octets.subarray(rule.stall);
    }

    if (!await put(octets)) {
        return;
    }

    if (rule.close === 'abrupt') {
        (socket.below ?? socket).destroy();
        return;
    }

    if (!rule.endless) {
        return;
    }

    while (await put(Buffer.alloc(16384, ' '))) {
        // until the peer has enough
    }
}


async function exchange(socket, request) {
    const rule = ruleFor(request);

    if (rule.delay) {
        await pause(rule.delay);
    }

    if (rule.hold) {
        await untilReleased(socket);
    }

    const [ octets, closes ] = rule.raw === undefined
        ? await octetsFor(request, rule)
        : [ Buffer.from(rule.raw, 'latin1'), rule.close !== undefined ];

    await send(socket, octets, rule);

    return !closes;
}


// -- connections

function tlsOf(socket) {
    return socket.encrypted ? {
        version: socket.getProtocol(),
        servername: socket.servername || null,
        reused: socket.isSessionReused(),
        subject: socket.getPeerX509Certificate()?.subject ?? null,
    } : undefined;
}


async function converse(socket, number) {
    const reader = new Reader(socket);
    let request;

    while ((request = await reader.request()) !== undefined) {
        const { method, path, query, headers, fields, body } = request;

        if (seen.length < maxSeen) {
            seen.push({
                connection: number, method, path, query, headers, fields,
                body: body.toString('latin1'), tls: tlsOf(socket),
            });
        }

        const leave = enter(path);
        const stays = await exchange(socket, request);

        leave();

        if (!stays || socket.destroyed || socket.writableEnded) {
            break;
        }
    }

    socket.end();
}


let connections = 0;

function accepted(socket) {
    const { treatment } = accepting;

    if (treatment !== 'serve' && --accepting.times <= 0) {
        accepting = { treatment: 'serve', times: Infinity };
    }

    sockets.add(socket);
    stats.connections++;
    stats.open = sockets.size;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => {
        sockets.delete(socket);
        stats.open = sockets.size;
    });

    changed();

    switch (treatment) {
    case 'reset':   return socket.resetAndDestroy();
    case 'close':   return socket.end();
    case 'stall':   return untilReleased(socket).then(() => socket.destroy());
    }

    const number = ++connections;

    if (secure === undefined) {
        return converse(socket, number);
    }

    socket.number = number;
    secure.emit('connection', socket);
}


function newSecure() {
    const server = tls.createServer({
        ...certificate(...options.tls),
        requestCert: true,
        rejectUnauthorized: false,
    });

    // an alert of the peer is what many tests want
    server.on('tlsClientError', () => {});
    server.on('secureConnection', socket => {
        socket.below = [ ...sockets ].find(one =>
            one.remotePort === socket.remotePort
            && one.remoteAddress === socket.remoteAddress);
        socket.on('error', () => {});
        converse(socket, socket.below?.number);
    });

    return server;
}


function certificate(cert, key) {
    return { cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
}


// A socket that is left from a process before is in the way; a worker of
// another user must be able to connect to ours.

function listen(server, where) {
    if (where.path !== undefined) {
        fs.rmSync(where.path, { force: true });
    }

    return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ ...where, writableAll: true },
            () => resolve(server.address()));
    });
}


// -- control

async function command(name, query, body, reply) {
    switch (name) {

    case '/stats':
        return reply(200, stats);

    case '/seen':
        return reply(200, seen);

    case '/await':
        for (const [ member, value ] of query) {
            watchers.push({ name: member, value: Number(value), reply });
        }

        return changed();

    case '/rule':
        rules.push(JSON.parse(body));
        break;

    case '/accept':
        accepting = {
            treatment: query.get('do'),
            times: Number(query.get('times') ?? Infinity),
        };
        break;

    case '/clear':
        rules = [];
        accepting = { treatment: 'serve', times: Infinity };
        held.slice().forEach(go => go());
        break;

    case '/release':
        held.slice().forEach(go => go());
        break;

    case '/close':
        sockets.forEach(socket => socket.destroy());
        break;

    case '/reset':
        resetStats();
        break;

    case '/listen':
        if (query.get('on') === '1') {
            await listen(listener, options.where);

        } else {
            // this waits for no connection
            listener.close();
        }

        break;

    case '/upstream':
        upstream = query.get('uri');
        break;

    case '/certificate':
        secure.setSecureContext({
            ...certificate(query.get('cert'), query.get('key')),
            minVersion: query.get('min') ?? undefined,
            maxVersion: query.get('max') ?? undefined,
        });
        break;

    default:
        return reply(404, { error: name });
    }

    return reply(200, {});
}


function control(request, response) {
    const uri = new URL(request.url, 'http://control');
    const reply = (status, value) => {
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end(`${JSON.stringify(value)}\n`);
    };

    let body = '';

    request.setEncoding('utf8');
    request.on('data', part => {
        body += part;
    });
    request.on('end', () =>
        command(uri.pathname, uri.searchParams, body, reply)
            .catch(error => reply(500, { error: error.message })));
}


// -- the process

function commandLine() {
    const given = process.argv.slice(2);
    const at = given.indexOf('--tls');
    let pair;

    if (at >= 0) {
        [ , ...pair ] = given.splice(at, 3);
    }

    const { values } = parseArgs({
        args: given,
        options: {
            port: { type: 'string', default: '0' },
            host: { type: 'string', default: '127.0.0.1' },
            unix: { type: 'string' },
            upstream: { type: 'string' },
        },
    });

    if (!/^(127\..*|::1|localhost)$/.test(values.host)) {
        throw new Error('loopback only');
    }

    return { ...values, tls: pair };
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


async function main() {
    options = commandLine();
    endWithParent();
    resetStats();

    upstream = options.upstream;
    secure = options.tls === undefined ? undefined : newSecure();
    listener = net.createServer(accepted);

    const { port } = await listen(listener, options.unix === undefined
        ? { port: Number(options.port), host: options.host, backlog: 1024 }
        : { path: options.unix });

    // /listen?on=1 is for the same port
    options.where = options.unix === undefined
        ? { port, host: options.host, backlog: 1024 } : { path: options.unix };

    const commands = await listen(http.createServer(control),
        { port: 0, host: '127.0.0.1' });

    console.log(`ready ${port ?? 0} ${commands.port}`);
}


main().catch(error => {
    console.error(`t/as/faults.js: ${error.message}`);
    process.exit(1);
});
