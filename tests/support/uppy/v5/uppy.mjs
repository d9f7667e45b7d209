import AwsS3 from '@uppy/aws-s3';
import Uppy from '@uppy/core';

export const createUppy = (endpoint, options) => new Uppy().use(AwsS3, { endpoint, ...options });
