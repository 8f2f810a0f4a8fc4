/** A mistake of the user: one line, exit code 2. */
export class UserError extends Error {}
