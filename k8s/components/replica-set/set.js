// Makes the replica set (member 0, once) and its user (the primary, once). Ends with an error while
// this member isn't in the set; member.sh, which runs it in mongosh, repeats it then.
const hosts = [0, 1, 2].map((number) => `database-${number}.database-members.fog.svc:27017`);
const read = (name) => require("fs").readFileSync(`/run/secrets/database/${name}`, "utf8").trimEnd();
const admin = db.getSiblingDB("admin");

// A member that lost its volume must not make a second set. The others are in a set then, and add
// this member themselves.
function isSetKnown(host) {
  try {
    const options = `directConnection=true&serverSelectionTimeoutMS=5000${process.env.TLS_OPTIONS ?? ""}`;
    return Boolean(connect(`mongodb://${host}/admin?${options}`).hello().setName);
  } catch (error) {
    throw new Error(`${host} doesn't answer: ${error.message}`);
  }
}

function makeSet() {
  if (hosts.slice(1).some(isSetKnown)) return;
  print("makes the replica set");
  rs.initiate({ _id: "fog", members: hosts.map((host, number) => ({ _id: number, host })) });
}

function canLogIn() {
  try {
    return admin.auth(read("username"), read("password")).ok === 1;
  } catch {
    return false;
  }
}

function makeUser() {
  print("makes the user");
  admin.createUser({ user: read("username"), pwd: read("password"), roles: ["root"] });
}

if (!admin.hello().setName && process.env.MEMBER === "0") makeSet();
const state = admin.hello();
if (state.isWritablePrimary && !canLogIn()) makeUser();
if (!(state.isWritablePrimary || state.secondary) || !canLogIn()) {
  print(`isn't in the set yet: ${state.info ?? "no member that has the user"}`);
  quit(1);
}
