export { default as DropTarget } from '@uppy/drop-target';
