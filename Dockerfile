# The server without the embedded database: production has a PostgreSQL of its own (DATABASE_URL).
FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
WORKDIR /amana
COPY package.json package-lock.json .npmrc ./
# The image brings Node itself; the optional packages are Node and PostgreSQL for bare machines.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY src src
COPY modules modules
COPY migrations migrations
COPY fhir-profiles/generated fhir-profiles/generated
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/ready').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node gets the signal itself and finishes the work in hand.
STOPSIGNAL SIGTERM
CMD ["node", "src/main.ts"]
