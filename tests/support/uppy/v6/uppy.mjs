import AwsS3 from '@uppy/aws-s3';
import Uppy from '@uppy/core';

export const createUppy = (companionEndpoint, options) => new Uppy().use(AwsS3, { companionEndpoint, ...options });
