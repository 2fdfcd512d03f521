# The service itself; worker/Dockerfile is the image that programs run in. The base is an argument, so that the same file
# builds from a registry and from an image imported by hand. It's the worker's Node, so that one image is pulled for both.
ARG NODE_IMAGE=docker.io/library/node:26.10.0-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
# Another npm registry than npm's own default.
ARG NPM_CONFIG_REGISTRY
WORKDIR /build
# A cache that `npm ci --cache .npm-cache` has filled outside is used where the context has one: the pattern may match nothing,
# and of a folder Docker copies what is in it.
COPY package.json package-lock.json .npm-cache* ./
# tsx and its compiler are for Nodes that don't run TypeScript by themselves, which this one does.
RUN npm ci --omit=dev --omit=optional --omit=peer --ignore-scripts --prefer-offline --cache=/build \
      --no-audit --no-fund --no-update-notifier \
    && rm -rf node_modules/tsx node_modules/esbuild node_modules/.bin

FROM ${NODE_IMAGE}
WORKDIR /app
COPY --from=dependencies /build/node_modules ./node_modules
COPY package.json LICENSE ./
COPY src ./src
# A build fails here rather than a first start: it gets as far as its settings once everything has loaded.
RUN PORT=none node src/index.ts 2>&1 | grep -q '^PORT=none is not usable'
# Inside a container every address is its own network's; who may call is then decided by a key.
ENV NODE_ENV=production HOST=0.0.0.0 AA_GENERATE_KEY=true
EXPOSE 8080
# It answers whether the process lives, which a restart can cure; whether jobs can run is what /readyz says.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# No shell between, so that SIGTERM reaches the service.
ENTRYPOINT ["node", "src/index.ts"]
