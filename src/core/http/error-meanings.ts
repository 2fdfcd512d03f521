import { type ErrorCode, internalError } from '../errors.ts';

/** What each code means, with its cure: for the document and its table. The message of an answer says it of the case. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, string>> = {
  invalid_json: 'The body is not JSON in UTF-8: send one JSON object.',
  invalid_request: 'Something in the request is not as it must be: `issues` says where and what to send.',
  unauthorized:
    'The service has keys and none of them was sent: send one as the bearer token of Authorization.',
  host_refused: 'The Host header names no host that is served: add it to AA_ALLOWED_HOSTS or set PUBLIC_URL.',
  origin_refused: 'A page of another site called: list its origin in AA_CORS_ORIGINS.',
  not_found: 'There is no such thing, or it is another caller’s: use an address from an answer.',
  unknown_tool: 'No tool has this name: GET /tools lists them.',
  method_not_allowed: 'This method is not possible here: use one that the header Allow names.',
  in_progress: 'The job of this Idempotency-Key has not ended: ask for it at the address in Location.',
  already_finished: 'The job has ended: there is nothing to cancel; GET /jobs/:id tells how it ended.',
  too_large: 'The body, or a list in it, is too large: send less, or raise AA_MAX_BODY_BYTES.',
  unsupported_media_type: 'The body is not declared as plain JSON: send Content-Type: application/json.',
  range_not_satisfiable: 'The file has no such bytes: ask for a range within Content-Range.',
  idempotency_mismatch: 'This Idempotency-Key was sent with another request: use a new key for each.',
  rate_limited:
    'You have as many jobs, streams, or bytes in bodies, as one caller may: let some end, and come again after Retry-After.',
  headers_too_large: 'The request headers are larger than 16 KiB: send fewer.',
  internal: internalError(undefined).message,
  image_unavailable: 'The worker image is not on the engine: run the command in the message.',
  misconfigured: 'The operator’s settings do not fit the engine: change the variable in the message.',
  engine_unavailable:
    'The container engine does not answer or failed: start it; come again after Retry-After.',
  limits_not_enforced: 'A limit does not bite on this host: enable it, or name it in AA_ALLOW_UNENFORCED.',
  overloaded: 'As many jobs run and wait, or bytes in bodies are held, as may: come again after Retry-After.',
  queue_timeout: 'The job waited too long for its turn and was dropped without running: come again later.',
  shutting_down: 'The service is stopping: come again after Retry-After.',
  infra_error: 'It could not be found out how the run ended; what output there was is kept: run it again.',
  storage_full: 'The storage folder is full: delete old sessions or enlarge its disk.',
};
