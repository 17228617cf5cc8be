package keyring

import "github.com/formbridge/tenantsecrets/internal/mac"

// Sign returns the tag that the signing key makes of the message, which is the
// concatenation of its parts. The error is ErrNoKey if no key may sign.
func (r *Ring) Sign(message ...[]byte) (tag [mac.Size]byte, err error) {
	selection := r.selection()
	signing, ok := selection.Signing()
	if !ok {
		return tag, ErrNoKey
	}
	r.key(signing).Sum(&tag, message...)
	return tag, nil
}

// MACs returns the tag that each live key makes of the message: first that of the
// signing key, then those of the others in ring order. The error is ErrNoKey if no
// key may sign.
func (r *Ring) MACs(message ...[]byte) ([][]byte, error) {
	selection := r.selection()
	signing, ok := selection.Signing()
	if !ok {
		return nil, ErrNoKey
	}
	tags := [][]byte{r.sum(signing, message)}
	for _, i := range selection.Live() {
		if int(i) != signing {
			tags = append(tags, r.sum(int(i), message))
		}
	}
	return tags, nil
}

func (r *Ring) sum(i int, message [][]byte) []byte {
	var sum [mac.Size]byte
	r.key(i).Sum(&sum, message...)
	return sum[:]
}
