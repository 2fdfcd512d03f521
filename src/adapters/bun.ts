/**
 * Bun listens with `node:http` too: its own server drops the `Content-Length` of a streamed body, so that a client can't tell
 * a whole artifact from a part of it.
 */
export { serve } from './node.ts';
