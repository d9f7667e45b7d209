import type { components } from './schema.d.ts';

type Schemas = components['schemas'];
export type ApiKey = Schemas['ApiKey'];
export type ApiKeyWithSecret = Schemas['ApiKeyWithSecret'];
export type BulkResult = Schemas['BulkResult'];
export type Config = Schemas['PublicConfig'];
export type CurrentUser = Schemas['CurrentUserResponse'];
export type FileView = Schemas['FileView'];
export type Identity = Schemas['IdentityResponse'];
export type InitUpload = Schemas['InitUploadResponse'];
export type Invitation = Schemas['Invitation'];
export type Job = Schemas['JobView'];
export type Member = Schemas['Member'];
export type Pagination = Schemas['Pagination'];
export type Project = Schemas['ProjectWithRole'];
export type ProjectUsage = Schemas['ProjectUsage'];
export type Session = Schemas['Session'];
export type Share = Schemas['ShareView'];
export type ShareUse = Schemas['ShareUse'];
export type ShareWithToken = Schemas['ShareWithToken'];
export type SignedPart = Schemas['SignedPart'];
export type TotpSetup = Schemas['TotpSetupResponse'];
export type Upload = Schemas['UploadView'];
export type Variant = Schemas['VariantView'];
export type Version = Schemas['VersionView'];
export type Problem = Schemas['Problem'];

export type Page<T> = { data: T[]; pagination: Pagination };
