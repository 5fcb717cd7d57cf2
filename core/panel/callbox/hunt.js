/* Hunt: a call to several accounts: each is asked in turn, with a call of its own, until one answers: what core/box/hunt.c
 * is to a box. */
import { CallError } from "./machine.js";

const USERS_MAX = 32;
/* Nobody there answered, and nobody here gave up: time-out, busy, not to be had, rejected. */
const GOES_ON = [2, 3, 7, 14];

export class Hunt {
	/* begin(callId, userId, what): starts one call, throws a CallError. next(payload): tells onCallNext. */
	constructor({ idNew, begin, next }) {
		Object.assign(this, { idNew, begin, next });
		this.end();
	}

	end() {
		Object.assign(this, { callId: null, users: [], what: null });
	}

	/* users: an array of accounts. Returns the first call's id. */
	call(users, what) {
		const list = Array.isArray(users) ? [...new Set(users)] : [];
		const callId = this.idNew();
		if (list.length < 1 || list.length > USERS_MAX)
			throw new CallError(`userIds: 1 to ${USERS_MAX} accounts are needed, or userId`, "value");
		this.begin(callId, list[0], what);
		Object.assign(this, { callId, users: list.slice(1), what });
		return callId;
	}

	/* A call has ended, and nobody has been told yet. */
	callEnded(previous, reasonCode) {
		if (previous !== this.callId) return;
		while (GOES_ON.includes(reasonCode) && this.users.length) {
			const userId = this.users.shift(),
				callId = this.idNew();
			try {
				this.begin(callId, userId, this.what);
			} catch (error) {
				console.warn(`callbox: ${userId} is not asked: ${error.message}`);
				continue;
			}
			this.callId = callId;
			this.next({ userId, callId, previous, next: [...this.users] });
			return;
		}
		this.end();
	}
}
