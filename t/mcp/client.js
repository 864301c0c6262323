// usage: node t/mcp/client.js URL < STEPS
//
// The client of the official SDK of the Model Context Protocol, for tests.  It
// knows the URL of a server and nothing else.  Each line of its input is a JSON
// object, a step, and for each it prints a line of JSON: ok, what came of it, or
// error, its class, and message; asked, the requests that went out since the
// last one, as "METHOD URL STATUS"; and told, each challenge that came.
//
//     { do: "connect", mode: "auto" | "legacy", as: "person", id }
//     { do: "connect", as: "CLIENT", secret, issuer, scope }
//     { do: "list" }
//     { do: "call", name }           { do: "wait" }
//     { do: "tokens" }               what the authorization server gave
//     { do: "close" }
//
// A person is one with a browser, in whose place this follows redirects and
// keeps cookies; without an id the client registers itself.  CLIENT has a
// secret (client_credentials).  With dpop: true the person's tokens are bound
// to a key.

'use strict';

const path = require('node:path');
const readline = require('node:readline');
const { createRequire } = require('node:module');

const modules = process.env.AGENT_MCP_MODULES
    || path.join(__dirname, '../../build/mcp');
const {
    Client, ClientCredentialsProvider, DpopSession,
    StreamableHTTPClientTransport, UnauthorizedError,
} = createRequire(path.join(modules, 'package.json'))(
    '@modelcontextprotocol/client');

const url = new URL(process.argv[2]);
const callback = 'http://127.0.0.1:9/callback';
const seconds = 60;

let asked = [];
let told = [];
let client;
let transport;
let provider;
let person;


// what the SDK asks, and what it is told

async function watched(input, init) {
    const response = await fetch(input, init);

    asked.push(`${init?.method ?? 'GET'} ${input} ${response.status}`);

    if (response.headers.has('www-authenticate')) {
        told.push(response.headers.get('www-authenticate'));
    }

    return response;
}


class Person {
    constructor(id, session) {
        this.known = {
            information: id === undefined ? undefined : { client_id: id },
        };
        this.sent = undefined;          // to the authorization server

        if (session) {
            this.dpop = () => session;
        }
    }

    get redirectUrl() {
        return callback;
    }

    get clientMetadata() {
        return {
            client_name: 'test',
            redirect_uris: [ callback ],
            grant_types: [ 'authorization_code' ],
            response_types: [ 'code' ],
            token_endpoint_auth_method: 'none',
        };
    }

    clientInformation() {
        return this.known.information;
    }

    saveClientInformation(information) {
        this.known.information = information;
    }

    tokens() {
        return this.known.tokens;
    }

    saveTokens(tokens) {
        this.known.tokens = tokens;
    }

    saveCodeVerifier(verifier) {
        this.known.verifier = verifier;
    }

    codeVerifier() {
        return this.known.verifier;
    }

    redirectToAuthorization(address) {
        this.sent = address;
    }
}


// the browser: from the authorization endpoint to the client's own address

async function browse(address) {
    const cookies = new Map();

    for (let hops = 0; hops < 10; hops++) {
        const response = await fetch(address, {
            redirect: 'manual',
            headers: {
                cookie: [ ...cookies ].map(pair => pair.join('=')).join('; '),
            },
        });

        for (const line of response.headers.getSetCookie()) {
            const [ , name, value ] = /^([^=]+)=([^;]*)/.exec(line);
            cookies.set(name, value);
        }

        const location = response.headers.get('location');

        if (location === null) {
            throw new Error(`browser: ${response.status} `
                + `${await response.text()}`);
        }

        address = new URL(location, address);

        if (address.href.startsWith(callback)) {
            return address.searchParams;
        }
    }

    throw new Error('browser: redirects without end');
}


// What is to be done, once more for each time that the person is asked.
// consents has what for.

async function persuaded(action) {
    const consents = [];

    for ( ;; ) {
        try {
            return { ...await action(), consents };

        } catch (error) {
            if (!(error instanceof UnauthorizedError)
                || provider.sent === undefined)
            {
                throw error;
            }
        }

        const sent = provider.sent;

        provider.sent = undefined;
        consents.push(Object.fromEntries(sent.searchParams));
        await transport.finishAuth(await browse(sent));
    }
}


async function newProvider(step) {
    if (step.as === 'person') {
        person ??= new Person(step.id,
            step.dpop ? await DpopSession.create() : undefined);
        return person;
    }

    return new ClientCredentialsProvider({
        clientId: step.as,
        clientSecret: step.secret,
        expectedIssuer: step.issuer,
        scope: step.scope,
    });
}


async function connect(step) {
    provider = await newProvider(step);

    return persuaded(async () => {
        client = new Client({ name: 'test', version: '0.0.0' },
            { versionNegotiation: { mode: step.mode ?? 'auto' } });
        transport = new StreamableHTTPClientTransport(url,
            { authProvider: provider, fetch: watched });

        // the next one must know what this one was told
        const before = transport;

        try {
            await client.connect(transport);

        } catch (error) {
            transport = before;
            throw error;
        }

        return {
            server: client.getServerVersion()?.name,
            version: client.getNegotiatedProtocolVersion?.(),
        };
    });
}


// the tool waits until it is released, which is done when it has said that it
// began: an answer that nginx kept would wait for ever

async function wait() {
    let release;
    const answer = await client.callTool({ name: 'wait' }, {
        timeout: seconds * 1000,
        onprogress() {
            release ??= client.callTool({ name: 'release' });
        },
    });

    return { answer: content(answer), released: content(await release) };
}


function content(answer) {
    return JSON.parse(answer.content[0].text);
}


async function act(step) {
    switch (step.do) {

    case 'connect':
        return connect(step);

    case 'list':
        return { tools: (await client.listTools()).tools.map(
            ({ name }) => name) };

    case 'call':
        return persuaded(async () => ({
            headers: content(await client.callTool({ name: step.name })),
        }));

    case 'wait':
        return wait();

    case 'tokens':
        return { ...await provider.tokens() };

    case 'close':
        await client.close();
        return {};

    default:
        throw new Error(`no step "${step.do}"`);
    }
}


async function main() {
    // what the SDK has to say is no result
    for (const name of [ 'log', 'info', 'warn', 'debug' ]) {
        console[name] = console.error;
    }

    for await (const line of readline.createInterface(process.stdin)) {
        let result;

        try {
            result = { ok: await act(JSON.parse(line)) };

        } catch (error) {
            result = { error: error.constructor.name, message: error.message };
        }

        process.stdout.write(`${JSON.stringify({ ...result, asked, told })}\n`);
        asked = [];
        told = [];
    }

    process.exit(0);
}


main();
