// For mongosh: makes three servers a replica set, unless they are one, and waits for a primary.
const hosts = ['mongo1:27017', 'mongo2:27017', 'mongo3:27017'];

try {
  rs.initiate({ _id: 'rs0', members: hosts.map((host, id) => ({ _id: id, host })) });
} catch (error) {
  if (error.codeName !== 'AlreadyInitialized') throw error;
}

const deadline = Date.now() + 60_000;
while (!rs.status().members.some(({ stateStr }) => stateStr === 'PRIMARY')) {
  if (Date.now() > deadline) throw new Error('the replica set has no primary');
  sleep(200);
}
