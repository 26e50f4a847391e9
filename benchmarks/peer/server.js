// node server.js reads|views|conversions PORT: one call of the peer, which answers at /.
//
// Its settings are DATABASE_URL and REDIS_URL. It writes one log line a request, as the functions do.

import Fastify from "fastify";

const [name, port] = process.argv.slice(2);
const { route } = await import(`./${name}.js`);

const server = Fastify({ logger: true, disableRequestLogging: true, bodyLimit: 64 * 1024 });

// What sendBeacon sends without a preflight.
server.addContentTypeParser("text/plain", { parseAs: "string" }, (_request, body, done) => {
  try {
    done(null, JSON.parse(body));
  } catch (error) {
    error.statusCode = 400;
    done(error);
  }
});
server.addHook("onRequest", async (_request, reply) => {
  reply.header("access-control-allow-origin", "*");
});
server.addHook("onResponse", async (request, reply) => {
  request.log.info({ method: request.method, url: request.url, status: reply.statusCode, ms: reply.elapsedTime });
});
server.get("/_health", async () => ({ status: "ok" }));
server.route(route);

await server.listen({ host: "127.0.0.1", port: Number(port) });
