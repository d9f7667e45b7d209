/** What an action of the audit log is, as what someone did, in groups. */
export const ACTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Sign-in': {
    'sessions.create': 'Signed in',
    'sessions.revoke': 'Signed out a device',
    'sessions.revoke_all': 'Signed out all devices',
    'sessions.reuse_detected': 'Used a spent sign-in; all its devices were signed out',
  },
  'Own account': {
    'accounts.sign_up': 'Made an account',
    'accounts.create_superuser': 'Was made a superuser by the operator',
    'accounts.accept_invitation': 'Accepted an invitation to Holdall',
    'accounts.update_profile': 'Changed the own name',
    'accounts.change_password': 'Changed the password',
    'accounts.request_password_reset': 'Asked for a new password',
    'accounts.reset_password': 'Set a new password by a link',
    'accounts.request_email_change': 'Asked for another email address',
    'accounts.change_email': 'Changed the email address',
    'accounts.enable_mfa': 'Turned on the second factor',
    'accounts.disable_mfa': 'Turned off the second factor',
    'accounts.regenerate_recovery_codes': 'Made new recovery codes',
    'accounts.link_identity': 'Linked an account elsewhere',
    'accounts.unlink_identity': 'Unlinked an account elsewhere',
  },
  Users: {
    'users.create': 'Created a user',
    'users.invite': 'Invited a user',
    'users.update': 'Renamed a user',
    'users.disable': 'Disabled an account',
    'users.enable': 'Enabled an account',
    'users.delete': 'Deleted an account',
    'users.roles.add': 'Granted a role',
    'users.roles.remove': 'Revoked a role',
  },
  'Roles and tasks': {
    'roles.create': 'Made a role',
    'roles.update': 'Changed a role',
    'roles.delete': 'Deleted a role',
    'permissions.create': 'Made a permission',
    'permissions.delete': 'Deleted a permission',
    'tasks.run': 'Started a task',
    'audit.export': 'Exported the audit log',
    'projects.access_as_superuser': 'Looked into a project of others',
  },
  Projects: {
    'projects.create': 'Made a project',
    'projects.update': 'Changed a project',
    'projects.transfer_ownership': 'Gave a project to someone',
    'projects.delete': 'Deleted a project',
    'projects.restore': 'Restored a project',
    'projects.purge': 'Deleted a project for good',
    'variants.sync': 'Brought variants up to date',
    'jobs.retry': 'Retried a job',
  },
  Members: {
    'invitations.create': 'Invited someone to a project',
    'invitations.delete': 'Withdrew an invitation',
    'invitations.accept': 'Joined a project',
    'members.update': 'Changed the role of a member',
    'members.remove': 'Removed a member',
    'members.leave': 'Left a project',
    'api_keys.create': 'Made an API key',
    'api_keys.enable': 'Turned on an API key',
    'api_keys.disable': 'Turned off an API key',
    'api_keys.delete': 'Deleted an API key',
    'companion_tokens.create': 'Made an address for Uppy',
  },
  Files: {
    'uploads.init': 'Began an upload',
    'uploads.commit': 'Uploaded a file',
    'uploads.abort': 'Aborted an upload',
    'files.rename': 'Renamed a file',
    'files.trash': 'Moved a file to trash',
    'files.restore': 'Restored a file',
    'files.purge': 'Deleted a file for good',
    'versions.restore': 'Restored a version',
    'versions.delete': 'Deleted a version',
    'shares.create': 'Made a link',
    'shares.delete': 'Deleted a link',
  },
};

const ALL: ReadonlyMap<string, string> = new Map(Object.values(ACTIONS).flatMap((group) => Object.entries(group)));

/** Return what someone did, in words. An action that is newer than this page is told by its code. */
export function actionInWords(action: string): string {
  return ALL.get(action) ?? action;
}
