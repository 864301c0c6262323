// usage: node t/as/server.js --port N [--host ADDRESS] [--dir DIR]
//            [--tls CERT KEY] [--issuer URI] [--people]
//
// An authorization server for tests and the quickstart: the npm package
// oidc-provider, which t/as/install puts into build/as, on loopback only, with
// all state in memory.  It says "ready PORT" once it listens; port 0 is one
// that the system chooses.  It ends by SIGTERM, or when its standard input is a
// pipe and that is closed.
//
// The issuer is the address that it listens on unless --issuer says what is
// before it; a path in there is part of every path.  With --tls a client
// certificate is asked for.  DIR is where t/as/certs has put keys, and where
// each secret goes as CLIENT.secret; without it there are no clients with keys
// or certificates of their own.
//
// Clients: agent-METHOD gets tokens by client_credentials and revokes them,
// gate-METHOD introspects any token.  METHOD is one of
//
//     basic post    secret-of-CLIENT, in a header or in the body
//     odd           basic; id and secret have what must be form-encoded
//     rs256 es256   private_key_jwt with DIR/CLIENT.key; the kid is "key of
//                   CLIENT" or the thumbprint, and an assertion may have none
//     tls self      a certificate, of the CA or self-signed, DIR/CLIENT.crt
//     none          nothing but an id; gate-none only
//     bearer        Authorization: Bearer secret-of-gate-bearer, which the
//                   library does not know; gate-bearer, and only introspects
//     jwt jwt-es256 basic; gate only: asks for RFC 9701 answers of that
//                   algorithm (Accept: application/token-introspection+jwt)
//
// and agent-dpop, agent-mtls (both basic) get bound tokens only; any agent
// gets one bound to the key of the DPoP proof that it sends.
//
// The resource of a token is any URI.  Its query, which is not part of the
// audience, says how the token is to be:
//
//     format=jwt    a JWT (typ at+jwt), else opaque.  The library does not
//                   introspect or revoke its own JWTs
//     alg=NAME      RS256 (default), PS256, ES256 or EdDSA
//     ttl=N         seconds, 600 by default
//     claims=JSON   an object: further claims
//
// Without a resource a token is opaque and has no audience.
//
// With --people any client may register itself (RFC 7591), for scopes that it
// names then, and have a person's tokens by an authorization code with PKCE; so
// may agent-person, which has no secret and gets its code at REDIRECT.  The
// person is always anna, who logs in and consents to all that is asked for as
// soon as a browser that keeps cookies follows the redirects.
//
// Control, all POST but the first:
//
//     /_test/stats               JSON: for each endpoint that was called how
//                                often, how many at once at most, and now
//     /_test/reset               counts and delays are gone, tokens stay
//     /_test/delay?ENDPOINT=MS   answers of the endpoint, or "all", wait
//     /_test/rotate[?drop=1]     new signing keys; the old ones are still
//                                published unless dropped
//     /_test/forget              no token is known any more
//     /_test/sign?typ=TYP&claims=JSON   a JWT of these claims, as they are,
//                                signed by RS256 with the newest key: what the
//                                library does not issue, such as security
//                                events
//
// Endpoints: metadata (RFC 8414), discovery (OpenID), jwks, token,
// introspection, revocation, other.

'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const path = require('node:path');
const { createRequire } = require('node:module');
const { pathToFileURL } = require('node:url');
const { promisify, parseArgs } = require('node:util');

const generateKeyPair = promisify(crypto.generateKeyPair);

const modules = process.env.AGENT_AS_MODULES
    || path.join(__dirname, '../../build/as');

const scopes = [
    'invoices:read', 'invoices:write', 'payroll:read', 'tools:list',
    'tools:call', 'admin',
];

const endpoints = {
    '/.well-known/openid-configuration': 'discovery',
    '/.well-known/oauth-authorization-server': 'metadata',
    '/jwks': 'jwks',
    '/token': 'token',
    '/token/introspection': 'introspection',
    '/token/revocation': 'revocation',
};

const DISCOVERY = '/.well-known/openid-configuration';
const METADATA = '/.well-known/oauth-authorization-server';
const PERSON = '/person/';
const REDIRECT = 'http://127.0.0.1:9/callback';

let options;
let issuer;
let answer;                         // of the library, to (request, response)
let logIn;                          // the person, likewise
let signing = [];                   // JWKs, the newest first

const store = new Map();
const stats = new Map();
const delays = new Map();


// -- clients

function secretOf(id) {
    return `secret-of-${id}`;
}


function method(kind) {
    switch (kind) {
    case 'post':   return 'client_secret_post';
    case 'rs256':
    case 'es256':  return 'private_key_jwt';
    case 'tls':    return 'tls_client_auth';
    case 'self':   return 'self_signed_tls_client_auth';
    case 'none':   return 'none';
    default:       return 'client_secret_basic';
    }
}


function client(role, kind, more) {
    const id = `${role}-${kind}`;
    const record = {
        client_id: id,
        token_endpoint_auth_method: method(kind),
        redirect_uris: [],
        response_types: [],
        grant_types: role === 'agent' ? ['client_credentials'] : [],
        ...more,
    };

    switch (record.token_endpoint_auth_method) {

    case 'client_secret_basic':
    case 'client_secret_post':
        record.client_secret ??= secretOf(id);
        break;

    case 'private_key_jwt':
        record.token_endpoint_auth_signing_alg = kind.toUpperCase();
        record.jwks = { keys: [ namedJwk(id) ] };
        break;

    case 'tls_client_auth':
        record.tls_client_auth_san_dns = `${id}.test`;
        break;

    case 'self_signed_tls_client_auth':
        record.jwks = { keys: [ certificateJwk(fileOf(`${id}.crt`)) ] };
        break;
    }

    return record;
}


function clients() {
    const odd = { client_secret: 'p%C3+ss: &=?/#"\\~x' };
    const list = [
        client('gate', 'basic'),
        client('gate', 'post'),
        client('gate', 'odd', { client_id: 'gate:odd %2F+&=', ...odd }),
        client('gate', 'none'),
        client('gate', 'bearer'),
        client('gate', 'jwt', { introspection_signed_response_alg: 'RS256' }),
        client('gate', 'jwt-es256',
            { introspection_signed_response_alg: 'ES256' }),
        client('agent', 'basic'),
        client('agent', 'post'),
        client('agent', 'odd', { client_id: 'agent:odd %2F+&=', ...odd }),
        client('agent', 'dpop', { dpop_bound_access_tokens: true }),
        client('agent', 'mtls',
            { tls_client_certificate_bound_access_tokens: true }),
    ];

    if (options.people) {
        list.push(client('agent', 'person', {
            token_endpoint_auth_method: 'none',
            redirect_uris: [ REDIRECT ],
            response_types: [ 'code' ],
            grant_types: [ 'authorization_code' ],
        }));
    }

    if (options.dir !== undefined) {
        for (const kind of [ 'rs256', 'es256', 'tls', 'self' ]) {
            list.push(client('gate', kind), client('agent', kind));
        }
    }

    return list;
}


function fileOf(name) {
    return fs.readFileSync(path.join(options.dir, name));
}


function publicJwk(pem) {
    return crypto.createPublicKey(pem).export({ format: 'jwk' });
}


// kid: of RSA a text, of EC the thumbprint (RFC 7638)

function namedJwk(id) {
    const jwk = publicJwk(fileOf(`${id}.key`));
    const { crv, kty, x, y } = jwk;
    const thumbprint = crypto.createHash('sha256')
        .update(JSON.stringify({ crv, kty, x, y })).digest('base64url');

    return { ...jwk, kid: kty === 'EC' ? thumbprint : `key of ${id}` };
}


function certificateJwk(pem) {
    const certificate = new crypto.X509Certificate(pem);

    return {
        ...certificate.publicKey.export({ format: 'jwk' }),
        x5c: [ certificate.raw.toString('base64') ],
    };
}


// an id may have what a file name should not: NAME of "NAME:..." is enough

function writeSecrets(list) {
    for (const { client_id: id, client_secret: secret } of list) {
        if (secret !== undefined) {
            fs.writeFileSync(path.join(options.dir,
                `${id.replace(':', '-').replace(/ .*/, '')}.secret`),
                `${secret}\n`, { mode: 0o640 });
        }
    }
}


// -- signing keys

async function newKeys() {
    const made = await Promise.all([
        generateKeyPair('rsa', { modulusLength: 2048 }),
        generateKeyPair('ec', { namedCurve: 'P-256' }),
        generateKeyPair('ed25519'),
    ]);

    return made.map(({ privateKey }) => ({
        ...privateKey.export({ format: 'jwk' }),
        use: 'sig',
        kid: crypto.randomUUID(),
    }));
}


function signed(typ, claims) {
    const { kid, ...jwk } = signing.find(({ kty }) => kty === 'RSA');
    const input = [ JSON.stringify({ alg: 'RS256', kid, typ }), claims ]
        .map(text => Buffer.from(text).toString('base64url')).join('.');
    const key = crypto.createPrivateKey({ key: jwk, format: 'jwk' });

    return `${input}.${crypto.sign('sha256', Buffer.from(input), key)
        .toString('base64url')}`;
}


// -- the library

// what it stores, and everything shared by the instances before and after a
// rotation

class Adapter {
    constructor(model) {
        this.model = model;
    }

    key(id) {
        return `${this.model}:${id}`;
    }

    async upsert(id, payload, seconds) {
        store.set(this.key(id), {
            payload,
            ends: seconds ? Date.now() + seconds * 1000 : Infinity,
        });

        if (payload.uid !== undefined) {
            store.set(this.key(`uid:${payload.uid}`),
                { payload: id, ends: Infinity });
        }
    }

    async find(id) {
        const found = store.get(this.key(id));

        if (found === undefined) {
            return undefined;
        }

        if (found.ends <= Date.now()) {
            store.delete(this.key(id));
            return undefined;
        }

        return found.payload;
    }

    async consume(id) {
        const payload = await this.find(id);

        if (payload) {
            payload.consumed = Math.floor(Date.now() / 1000);
        }
    }

    async destroy(id) {
        store.delete(this.key(id));
    }

    async findByUid(uid) {
        const id = await this.find(`uid:${uid}`);

        return id === undefined ? undefined : this.find(id);
    }

    async findByUserCode() {
        return undefined;
    }

    async revokeByGrantId(grant) {
        for (const [ key, { payload } ] of store) {
            if (payload.grantId === grant) {
                store.delete(key);
            }
        }
    }
}


function wanted(resource) {
    const query = new URL(resource).searchParams;

    return {
        // "https://a.test" is not to become "https://a.test/"
        audience: resource.includes('?') ? resource.split('?')[0] : resource,
        format: query.get('format') === 'jwt' ? 'jwt' : 'opaque',
        alg: query.get('alg') ?? 'RS256',
        ttl: Number(query.get('ttl') ?? 600),
        claims: JSON.parse(query.get('claims') ?? '{}'),
    };
}


function resourceServer(ctx, resource) {
    const { audience, format, alg, ttl } = wanted(resource);

    return {
        audience,
        scope: scopes.join(' '),
        accessTokenTTL: ttl,
        accessTokenFormat: format,
        jwt: format === 'jwt' ? { sign: { alg } } : undefined,
    };
}


function furtherClaims(ctx) {
    const resource = ctx.oidc.params.resource;

    return resource === undefined ? undefined : wanted(resource).claims;
}


function certificateMatches(ctx, property, expected) {
    const names = ctx.socket.getPeerX509Certificate()?.subjectAltName ?? '';

    return property === 'tls_client_auth_san_dns'
        && names.split(', ').includes(`DNS:${expected}`);
}


// consents to what the client asks for

async function grantAll(ctx) {
    const { provider, client, session, params } = ctx.oidc;
    const grant = new provider.Grant(
        { clientId: client.clientId, accountId: session.accountId });
    const resource = params.resource;

    grant.addOIDCScope(params.scope ?? '');

    if (resource !== undefined) {
        grant.addResourceScope(wanted(resource).audience, params.scope ?? '');
        grant.addResourceScope(resource, params.scope ?? '');
    }

    await grant.save();

    return grant;
}


function people() {
    return {
        findAccount: (ctx, sub) =>
            ({ accountId: sub, claims: async () => ({ sub }) }),
        interactions: {
            url: (ctx, { uid }) =>
                `${new URL(issuer).pathname.replace(/\/$/, '')}${PERSON}${uid}`,
        },
        loadExistingGrant: grantAll,
        pkce: { methods: [ 'S256' ], required: () => true },
        responseTypes: [ 'code' ],
    };
}


function configuration(list) {
    const enabled = true;
    const methods = [
        'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none',
    ];

    if (options.tls !== undefined) {
        methods.push('tls_client_auth', 'self_signed_tls_client_auth');

    } else {
        list = list.filter(({ token_endpoint_auth_method: name }) =>
            methods.includes(name));
    }

    return {
        adapter: Adapter,
        clients: list,
        jwks: { keys: signing },
        scopes: [ 'openid', ...scopes ],
        cookies: { keys: [ crypto.randomUUID() ] },
        clientAuthMethods: methods,
        clockTolerance: 5,
        discovery: {
            introspection_endpoint_auth_methods_supported: methods,
            revocation_endpoint_auth_methods_supported: methods,
        },
        enabledJWA: {
            dPoPSigningAlgValues: [ 'RS256', 'ES256', 'EdDSA' ],
        },
        extraTokenClaims: furtherClaims,
        ttl: {
            ClientCredentials(ctx, token) {
                return token.resourceServer?.accessTokenTTL ?? 600;
            },
        },
        features: {
            devInteractions: { enabled: false },
            clientCredentials: { enabled },
            dPoP: { enabled },
            introspection: {
                enabled,
                allowedPolicy(ctx, { clientId }, token) {
                    return clientId.startsWith('gate')
                        || clientId === token.clientId;
                },
            },
            jwtIntrospection: { enabled },
            mTLS: {
                enabled: options.tls !== undefined,
                certificateBoundAccessTokens: true,
                selfSignedTlsClientAuth: true,
                tlsClientAuth: true,
                getCertificate(ctx) {
                    return ctx.socket.getPeerX509Certificate()?.toString();
                },
                certificateAuthorized(ctx) {
                    return ctx.socket.authorized;
                },
                certificateSubjectMatches: certificateMatches,
            },
            resourceIndicators: {
                enabled,
                defaultResource() {
                    return undefined;
                },
                getResourceServerInfo: resourceServer,
            },
            registration: { enabled: options.people },
            revocation: { enabled },
        },
        ...(options.people ? people() : {}),
    };
}


async function instantiate() {
    const Provider = (await import(pathToFileURL(createRequire(
        path.join(modules, 'package.json')).resolve('oidc-provider')))).default;
    const list = clients();

    if (options.dir !== undefined) {
        writeSecrets(list);
    }

    const provider = new Provider(issuer, configuration(list));

    // what is before it says by X-Forwarded-Proto that it speaks TLS
    provider.proxy = true;

    provider.on('server_error', (ctx, error) => {
        console.error(`${ctx.path}: ${error.stack}`);
    });

    answer = provider.callback();
    logIn = async (request, response) => {
        const { prompt } = await provider.interactionDetails(request, response);

        return provider.interactionFinished(request, response,
            prompt.name === 'login' ? { login: { accountId: 'anna' } }
                : { consent: {} });
    };
}


// -- what is before the library

function counter(name) {
    if (!stats.has(name)) {
        stats.set(name, { calls: 0, most: 0, now: 0 });
    }

    return stats.get(name);
}


function delayed(name) {
    const time = delays.get(name) ?? delays.get('all') ?? 0;

    return time ? new Promise(resolve => setTimeout(resolve, time)) : undefined;
}


// The path in the terms of the library, to which the path of the issuer is a
// mount point.  RFC 8414, section 3.1 puts it behind the well-known path.

function localPath(uri) {
    const base = new URL(issuer).pathname.replace(/\/$/, '');

    if (uri.startsWith(METADATA)) {
        return uri.slice(METADATA.length) === base ? METADATA : undefined;
    }

    return uri.startsWith(`${base}/`) ? uri.slice(base.length) : undefined;
}


function basic(id) {
    return 'Basic '
        + Buffer.from(`${id}:${secretOf(id)}`).toString('base64');
}


async function serve(request, response) {
    const [ uri, query ] = request.url.split('?');

    if (uri.startsWith('/_test/')) {
        return control(uri.slice(7), new URLSearchParams(query), request,
            response);
    }

    const local = localPath(uri);
    const name = endpoints[local] ?? 'other';
    const count = counter(name);

    count.calls++;
    count.now++;
    count.most = Math.max(count.most, count.now);
    response.on('close', () => count.now--);

    await delayed(name);

    if (name === 'introspection'
        && request.headers.authorization
            === `Bearer ${secretOf('gate-bearer')}`)
    {
        request.headers.authorization = basic('gate-bearer');
    }

    if (local !== undefined) {
        request.originalUrl = request.url;
        request.url = (local === METADATA ? DISCOVERY : local)
            + (query === undefined ? '' : `?${query}`);

        if (local === METADATA) {
            // from where the library concludes where it is mounted
            request.originalUrl =
                new URL(issuer).pathname.replace(/\/$/, '') + request.url;
        }
    }

    if (options.people && local?.startsWith(PERSON)) {
        return logIn(request, response);
    }

    return answer(request, response);
}


async function control(name, query, request, response) {
    const reply = (status, value) => {
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end(`${JSON.stringify(value)}\n`);
    };

    request.resume();

    if (name === 'stats') {
        return reply(200, Object.fromEntries(stats));
    }

    if (request.method !== 'POST') {
        return reply(405, { error: 'POST' });
    }

    switch (name) {

    case 'reset':
        for (const count of stats.values()) {
            count.calls = 0;
            count.most = count.now;
        }

        delays.clear();
        break;

    case 'delay':
        for (const [ endpoint, time ] of query) {
            delays.set(endpoint, Number(time));
        }

        break;

    case 'rotate':
        signing = (await newKeys()).concat(query.get('drop') ? [] : signing);
        await instantiate();
        return reply(200, { kids: signing.map(({ kid }) => kid) });

    case 'forget':
        store.clear();
        break;

    case 'sign':
        return reply(200, { jwt: signed(query.get('typ'),
            query.get('claims')) });

    default:
        return reply(404, { error: 'control' });
    }

    return reply(200, {});
}


// -- the process

function commandLine() {
    const given = process.argv.slice(2);
    const at = given.indexOf('--tls');
    let tls;

    if (at >= 0) {
        [ , ...tls ] = given.splice(at, 3);
    }

    const { values } = parseArgs({
        args: given,
        options: {
            port: { type: 'string' },
            host: { type: 'string', default: '127.0.0.1' },
            dir: { type: 'string' },
            issuer: { type: 'string' },
            people: { type: 'boolean', default: false },
        },
    });

    if (values.port === undefined || (tls && tls.length !== 2)) {
        throw new Error('see the head of this file for its options');
    }

    if (!/^(127\..*|::1|localhost)$/.test(values.host)) {
        throw new Error('loopback only');
    }

    return { ...values, tls };
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


function newServer() {
    if (options.tls === undefined) {
        return http.createServer(serve);
    }

    const [ cert, key ] = options.tls.map(name => fs.readFileSync(name));

    return https.createServer({
        cert,
        key,
        ca: options.dir === undefined ? undefined : fileOf('ca.crt'),
        requestCert: true,
        rejectUnauthorized: false,
    }, serve);
}


async function main() {
    options = commandLine();
    endWithParent();

    const server = newServer();

    // longer than any test, so that it is never this side that closes
    server.keepAliveTimeout = 600000;

    // keys take the time that the library takes to load
    const keys = newKeys();

    await new Promise((resolve, reject) => {
        server.on('error', reject);
        server.listen(Number(options.port), options.host, resolve);
    });

    const { port } = server.address();
    const host = options.host.includes(':') ? `[${options.host}]`
        : options.host;

    issuer = options.issuer
        ?? `http${options.tls ? 's' : ''}://${host}:${port}`;
    signing = await keys;
    await instantiate();

    console.log(`ready ${port}`);
}


main().catch(error => {
    console.error(`t/as/server.js: ${error.message}`);
    process.exit(1);
});
