'use strict';
// A small client of Lumbung's stock service: copy it into your shop and make it yours.
//
// The contracts and the service config are read from this repository. The service config makes gRPC repeat what is
// UNAVAILABLE; that is safe, because every request carries an id that is made before it is sent.

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const REPOSITORY = path.resolve(__dirname, '..', '..');
const CONTRACTS = path.join(REPOSITORY, 'proto');
const SERVICE_CONFIG = path.join(REPOSITORY, 'libs/client/src/lumbung_client/service_config.json');

const DEADLINE_MS = 5_000;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2_000;
const PASSES = new Set([grpc.status.UNAVAILABLE, grpc.status.CANCELLED, grpc.status.RESOURCE_EXHAUSTED, grpc.status.INTERNAL]);
const DETAILS_KEY = 'grpc-status-details-bin';

const stock = grpc.loadPackageDefinition(
  protoLoader.loadSync(['lumbung/stock/v1/reservations.proto', 'lumbung/stock/v1/availability.proto'], {
    includeDirs: [CONTRACTS],
    keepCase: true,
    longs: Number, // quantities and positions are far below 2^53
    enums: String,
    defaults: true,
  }),
).lumbung.stock.v1;

const details = new protobuf.Root();
details.resolvePath = (_origin, file) =>
  protobuf.common.get(file) ? file : path.join(file.startsWith('google/rpc/') ? __dirname : CONTRACTS, file);
details.loadSync(['google/rpc/error_details.proto', 'lumbung/stock/v1/reservations.proto'], { keepCase: true });

/** What Lumbung refused: decide by `code` and `reason`, show `message`. */
class LumbungError extends Error {
  constructor(error) {
    const { status, found } = readDetails(error);
    super(status.message || error.details);
    this.name = 'LumbungError';
    this.code = error.code;
    this.reason = found.ErrorInfo?.reason ?? '';
    this.metadata = found.ErrorInfo?.metadata ?? {};
    /** Of a Reserve: each line that could not be had, with asked_quantity and available_quantity. */
    this.lines = found.Refusal?.lines ?? [];
    /** Each field that cannot be accepted, such as `lines[0].quantity`. */
    this.fields = found.BadRequest?.field_violations ?? [];
    this.retryAfterS = found.RetryInfo ? Number(found.RetryInfo.retry_delay?.seconds ?? 0) : undefined;
  }
}

/** The google.rpc.Status in the trailers, with its details by their short names. */
function readDetails(error) {
  const [bytes] = error.metadata?.get(DETAILS_KEY) ?? [];
  if (!bytes) return { status: {}, found: {} };
  const status = details.lookupType('google.rpc.Status').decode(bytes);
  const found = {};
  for (const any of status.details) {
    const name = any.type_url.split('/').pop();
    const type = details.lookup(name, [protobuf.Type]);
    if (type) found[type.name] = type.toObject(type.decode(any.value), { longs: Number, enums: String });
  }
  return { status, found };
}

class Lumbung {
  /** `target` such as `dns:///stock.example:50052`; `actor` says who asks, such as `storefront:web`. */
  constructor(target, actor, credentials = grpc.credentials.createInsecure()) {
    const options = {
      'grpc.service_config': fs.readFileSync(SERVICE_CONFIG, 'utf8'),
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
    };
    this.actor = actor;
    this.reservations = new stock.ReservationService(target, credentials, options);
    this.availability = new stock.AvailabilityService(target, credentials, options);
  }

  /** Holds all lines or none. `lines` is a list of { sku_code, quantity }. */
  async reserve(lines, { channel_code, request_id = crypto.randomUUID(), ...fields }) {
    const answer = await this.call(this.reservations, 'Reserve', { request_id, lines, channel_code, ...fields });
    return answer.reservation;
  }

  /** Sells a hold. */
  async confirm(reservation_id, order, request_id = crypto.randomUUID()) {
    const answer = await this.call(this.reservations, 'Confirm', { request_id, reservation_id, order });
    return answer.reservation;
  }

  /** Gives a hold back. */
  async release(reservation_id, reason = '', request_id = crypto.randomUUID()) {
    const answer = await this.call(this.reservations, 'Release', { request_id, reservation_id, reason });
    return answer.reservation;
  }

  async getAvailability(sku_code) {
    const answer = await this.call(this.availability, 'GetAvailability', { sku_code });
    return answer.availability;
  }

  /**
   * Calls `onChange` with a snapshot of the SKUs, then with each change, and goes on after the last position when the
   * stream ends for a reason that passes. Returns a function that stops it; `onError` hears of what does not pass.
   */
  watch(sku_codes, onChange, onError) {
    let stream;
    let timer;
    let position = 0;
    let pauseMs = PAUSE_MS_MIN;
    const follow = () => {
      const request = { sku_codes, channel_code: 'web', after_position: position };
      stream = this.availability.WatchAvailability(request, this.metadata());
      stream.on('data', (change) => {
        position = change.position;
        pauseMs = PAUSE_MS_MIN;
        onChange(change);
      });
      stream.on('error', (error) => {
        if (stopped) return;
        if (!PASSES.has(error.code)) return onError(new LumbungError(error));
        timer = setTimeout(follow, pauseMs * (0.5 + Math.random() / 2));
        pauseMs = Math.min(pauseMs * 2, PAUSE_MS_MAX);
      });
    };
    let stopped = false;
    follow();
    return () => {
      stopped = true;
      clearTimeout(timer);
      stream.cancel();
    };
  }

  close() {
    this.reservations.close();
    this.availability.close();
  }

  /** One call with a deadline; rejects with a LumbungError. */
  call(client, method, request, timeoutMs = DEADLINE_MS) {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + timeoutMs;
      client[method](request, this.metadata(), { deadline }, (error, answer) =>
        error ? reject(new LumbungError(error)) : resolve(answer),
      );
    });
  }

  metadata() {
    const metadata = new grpc.Metadata();
    metadata.set('lumbung-actor', this.actor);
    return metadata;
  }
}

module.exports = { Lumbung, LumbungError };
