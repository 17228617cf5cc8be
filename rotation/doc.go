// Package rotation changes the keys of tenants' HMAC secrets without one valid webhook
// refused, ends keys that have leaked, and brings old ones back.
//
//	r, err := rotation.New(client, secretsmanager.NewFromConfig(cfg))
//	result, err := r.Rotate(ctx, "t_abc123")
//	summary, err := r.RotateAll(ctx, nil)                     // every tenant that there is
//	result, err = r.Destination("webhook1").Rotate(ctx, "t_abc123")
//
// # One rotation
//
// A rotation is one PutSecretValue. The new version holds a new key on top and every
// key that was live before; who verifies tries them all. What signs and verifies then
// changes by itself, as time passes:
//
//	          Rotate        MaxStale + 5 min          Grace (24 h)
//	            |-------------------------------|---------------------|
//	new key     published: it verifies          signs                 signs
//	old key     signs                           grace: it verifies    gone
//
// A process sees the new version at the latest when it asks after TTL and a load
// (Seen), or, where Secrets Manager does not answer, after MaxStale (Never): it serves
// nothing older. So every process has the new key before one signs with it, as long as
// [Options].MaxStale is the largest of any reader and clocks differ by a minute at most.
// A second rotation in the meantime loses nothing: up to eight keys are live at once.
//
// # Many writers
//
// Any number of processes may rotate, revoke and roll back at once. A version's id is a
// hash of the version it follows, so that of two who start from one version the second
// is refused, and looks again at what it wants. Nothing is locked, and nothing is left
// half done by a process that ends. Every write starts from the keys that are live,
// those of AWSPREVIOUS among them where another program wrote without regard to it.
//
// What is left to lose a key before its time takes two things that are not this package's
// writes, or one of them and a write of ours that was begun before it: another program's
// write without "previous", a label moved by hand, a rotation that AWS drives. Labels that
// are moved by hand change at once what signs: there is no time in which readers hear of it
// first.
//
// # Rotation that AWS drives
//
// [Rotator.Handler] is the function of a rotation Lambda, for HMAC secrets and, with a
// [FarSide], for secrets that another system must be told of first. While it is under
// way, Rotate and Rollback refuse with ErrRotationInProgress; Revoke does not wait.
//
// # Permissions
//
// Besides those of a reader, secretsmanager:PutSecretValue on the secrets. Revoke and
// the handler need UpdateSecretVersionStage too, Versions and Rollback
// ListSecretVersionIds, and RotateAll without tenants ListSecrets, which has no resource.
package rotation
