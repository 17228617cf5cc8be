package secretstest

import "cmp"

// KeyState is what KMS does with a key.
type KeyState int

// The states of a key. KeyEnabled is that of every key that was not set.
const (
	KeyEnabled  KeyState = iota
	KeyDenied            // KMS refuses the caller: AccessDeniedException, as recorded of the service
	KeyDisabled          // DecryptionFailure and EncryptionFailure, from the service model: not recorded
)

// defaultKey is the key of secrets that name none.
const defaultKey = "alias/aws/secretsmanager"

// SetKMSKey sets the state of a KMS key, which is known by the very text given
// as KmsKeyId. The key of secrets that name none is alias/aws/secretsmanager.
// Only reads and writes of values need a key.
func (b *Backend) SetKMSKey(id string, state KeyState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys[id] = state
}

// decrypt asks KMS for the key of a value that is read.
func (r *request) decrypt(key string) error {
	return r.useKey(key, KMSDisabled())
}

// encrypt asks KMS for the key of a value that is written.
func (r *request) encrypt(key string) error {
	return r.useKey(key, failure("EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "+
		"Check that the KMS key is available, enabled, and not in an invalid state."))
}

func (r *request) useKey(key string, disabled error) error {
	key = cmp.Or(key, defaultKey)
	if key == defaultKey && r.foreign() {
		return invalidRequest("You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
	}
	switch r.backend.keys[key] {
	case KeyDenied:
		return KMSDenied()
	case KeyDisabled:
		return disabled
	default:
		return nil
	}
}
