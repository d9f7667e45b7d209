// What a test does with a client, the same in Node and in a page.
export class Driver {
  #uppy;
  #upload;

  constructor(uppy) {
    this.#uppy = uppy;
  }

  addFiles(files) {
    this.#uppy.addFiles(files);
  }

  // As the page of a site may do it: the metadata of a file is all that the client tells of it.
  tellSizes() {
    this.#uppy.on('file-added', (file) => this.#uppy.setFileMeta(file.id, { size: file.size }));
  }

  start() {
    this.#upload = this.#uppy.upload();
  }

  async result() {
    return describe(await this.#upload);
  }

  async retry() {
    return describe(await this.#uppy.retryAll());
  }

  async startAndPauseAfter(partCount) {
    const paused = this.#afterParts(partCount, () => this.#uppy.pauseAll());
    this.start();
    await paused;
  }

  resume() {
    this.#uppy.resumeAll();
  }

  async startAndCancelAfter(partCount) {
    const cancelled = this.#afterParts(partCount, () => this.#uppy.cancelAll());
    this.start();
    await cancelled;
  }

  #afterParts(partCount, act) {
    return new Promise((resolve) => {
      let stored = 0;
      this.#uppy.on('s3-multipart:part-uploaded', () => {
        stored += 1;
        if (stored === partCount) {
          act();
          resolve();
        }
      });
    });
  }
}

function describe({ successful, failed }) {
  return {
    urls: Object.fromEntries(successful.map((file) => [file.name, file.uploadURL])),
    errors: Object.fromEntries(failed.map((file) => [file.name, file.error])),
  };
}
