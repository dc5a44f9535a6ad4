// For mongosh: makes three servers a replica set, unless they are one, and waits until they can be written to.
const members = ['mongo1:27017', 'mongo2:27017', 'mongo3:27017'];

try {
  rs.status();
} catch (error) {
  if (error.codeName !== 'NotYetInitialized') throw error;
  rs.initiate({ _id: 'rs0', members: members.map((host, id) => ({ _id: id, host })) });
}

// Whichever of them leads.
const deadline = Date.now() + 60_000;
while (!rs.status().members.some(({ stateStr }) => stateStr === 'PRIMARY')) {
  if (Date.now() > deadline) throw new Error('the replica set has no primary');
  sleep(200);
}
