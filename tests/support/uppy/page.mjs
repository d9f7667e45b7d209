// The page of a site that uses a client. `startClient` starts one generation, and files can be dropped anywhere.
import { Driver } from './driver.mjs';
import { DropTarget as DropTarget5 } from './v5/drop_target.mjs';
import { createUppy as createUppy5 } from './v5/uppy.mjs';
import { DropTarget as DropTarget6 } from './v6/drop_target.mjs';
import { createUppy as createUppy6 } from './v6/uppy.mjs';

const generations = { v5: [createUppy5, DropTarget5], v6: [createUppy6, DropTarget6] };

window.startClient = ([generation, endpoint, options]) => {
  const [createUppy, DropTarget] = generations[generation];
  window.uppy = createUppy(endpoint, options).use(DropTarget, { target: document.body });
  window.driver = new Driver(window.uppy);
};

const input = document.querySelector('input');
input.addEventListener('change', () => {
  window.driver.addFiles([...input.files].map((data) => ({ name: data.name, type: data.type, data })));
});
