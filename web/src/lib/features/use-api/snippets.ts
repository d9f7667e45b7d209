/** Programs that use the API of this deployment for a project. The key comes from the environment, never from the text. */
export type Deployment = { origin: string; projectId: string };

/** Return commands that upload a file and list the newest ones. */
export function curl({ origin, projectId }: Deployment): string {
  return `export HOLDALL_KEY='hk_your_key'

# Upload a file of up to 4 MB.
curl --fail-with-body -H "X-Api-Key: $HOLDALL_KEY" -F file=@photo.jpg \\
  '${origin}/api/v1/upload/file?projectId=${projectId}'

# List the newest files.
curl --fail-with-body -H "X-Api-Key: $HOLDALL_KEY" \\
  '${origin}/api/v1/files?projectId=${projectId}&limit=20'
`;
}

/** Return a script that uploads a file of up to 100 MiB straight to the storage. */
export function python({ origin, projectId }: Deployment): string {
  return `import hashlib, mimetypes, os, pathlib
import requests

api = requests.Session()
api.headers["X-Api-Key"] = os.environ["HOLDALL_KEY"]
url = "${origin}/api/v1"

path = pathlib.Path("photo.jpg")
content = path.read_bytes()

def call(route, **body):
    response = api.post(url + route, json=body)
    response.raise_for_status()
    return response.json()["data"]

# Announce the file, send its bytes to the storage, and commit.
upload = call(
    "/files/init-upload",
    projectId="${projectId}",
    filename=path.name,
    size=len(content),
    contentType=mimetypes.guess_type(path)[0] or "application/octet-stream",
    sha256=hashlib.sha256(content).hexdigest(),
)
requests.put(upload["url"], data=content, headers=upload["headers"]).raise_for_status()
file = call("/files/commit", uploadId=upload["uploadId"])["file"]
print(file["name"], file["url"])
`;
}

/** Return what a server does so that a page may upload: its visitors never see the key. */
export function uppyServer({ origin, projectId }: Deployment): string {
  return `# Pass the answer on to your page.
curl --fail-with-body -H "X-Api-Key: $HOLDALL_KEY" -H 'Content-Type: application/json' \\
  -d '{"projectId": "${projectId}"}' '${origin}/api/v1/uploads/companion-token'
`;
}

/** Return the script of a page with an \`<input type="file">\`. */
export function uppyPage(): string {
  return `// npm install @uppy/core@6 @uppy/aws-s3@6
import Uppy from '@uppy/core';
import AwsS3 from '@uppy/aws-s3';

const answer = await fetch('/upload-endpoint', { method: 'POST' }); // of your server
const { endpoint } = (await answer.json()).data;
const uppy = new Uppy({ autoProceed: true }).use(AwsS3, { companionEndpoint: endpoint });

document.querySelector('input[type=file]').addEventListener('change', ({ target }) => {
  for (const data of target.files) uppy.addFile({ name: data.name, type: data.type, data });
});
uppy.on('complete', ({ successful, failed }) => console.log(successful.length, failed.length));
`;
}
