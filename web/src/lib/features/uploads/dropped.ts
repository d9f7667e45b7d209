/** Files that were dropped, those of folders with their paths below the folder, and the names of what could not be read. */
export type Dropped = { files: File[]; unreadable: string[] };

/** Read what was dropped. Call it in the event, after which its DataTransfer is empty. */
export async function readDropped(transfer: DataTransfer): Promise<Dropped> {
  const dropped: Dropped = { files: [], unreadable: [] };
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const roots = items.map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  for (const { entry, file } of roots) {
    if (entry?.isDirectory) await walk(entry, dropped);
    else if (file) dropped.files.push(file);
  }
  return dropped;
}

async function walk(entry: FileSystemEntry, dropped: Dropped): Promise<void> {
  try {
    if (isDirectory(entry)) {
      for (const child of await entriesOf(entry)) await walk(child, dropped);
    } else {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      dropped.files.push(Object.assign(file, { relativePath: entry.fullPath }));
    }
  } catch {
    dropped.unreadable.push(entry.name);
  }
}

/** Return what is in a folder. Browsers give some at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
