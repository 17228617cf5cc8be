package conformance

import "slices"

// table is everything the suite knows of the service, by operation.
var table = slices.Concat(
	creating, names, limits,
	reading, describing, batches,
	putting, updating, staging, versioning, deleting,
	rotating, rotatingLater, schedules,
	listing, filtering, tagging, policies, passwords,
	accounts, keys,
	rawRequests, sentMembers,
)
