import type { Problem } from './types.ts';

/** The API refused a request. `code` is stable; `message` is a sentence for people. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly retryAfter: number; // seconds, or 0
  readonly fields: ReadonlyMap<string, string>; // what is wrong with a field, by its JSON name
  readonly pointers: ReadonlyMap<string, string>; // the same, by its place in the request: /settings/variants/0/name

  constructor(status: number, problem: Partial<Problem>, retryAfter = 0) {
    super(problem.detail ?? 'Holdall did not answer as expected. Try again.');
    this.status = status;
    this.code = problem.code ?? 'unknown';
    this.requestId = problem.requestId ?? '';
    this.retryAfter = retryAfter;
    this.pointers = new Map((problem.errors ?? []).map((error) => [error.pointer, error.detail]));
    this.fields = new Map((problem.errors ?? []).map((error) => [error.pointer.split('/').pop() ?? '', error.detail]));
  }
}

/** Nothing answered: the network is down, or the request was cut. */
export class Unreachable extends Error {
  constructor() {
    super('Holdall cannot be reached. Check your connection and try again.');
  }
}

const SENTENCES: Record<string, string> = {
  invalid_credentials: 'The email address or the password is wrong. Check both, or reset your password.',
  wrong_code: 'The code is wrong or was already used. Wait for the next one.',
  email_taken: 'This email address already has an account. Sign in instead.',
  sign_up_closed: 'This Holdall takes new people by invitation only. Ask its operator.',
  password_too_weak: 'This password is easy to guess. Choose a longer one that is not made of your email address.',
  quota_exceeded: 'This project is full. Empty the trash, or ask an owner for more room.',
  type_not_allowed: 'This project does not take files of this type.',
  file_too_large: 'This file is larger than this project allows.',
  too_much_open: 'Too much is on its way at once. Try again when other uploads are done.',
  too_many_requests: 'That was often. Wait a moment and try again.',
};

/** Return what to tell a person about an error. */
export function sentence(error: unknown): string {
  if (error instanceof ApiError) return SENTENCES[error.code] ?? error.message;
  if (error instanceof Unreachable) return error.message;
  return 'Something went wrong here. Try again.';
}
