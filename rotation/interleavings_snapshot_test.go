package rotation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/internal/document"
)

// snapshot is all there is of the secret, from a moment on.
type snapshot struct {
	since    time.Time
	how      change
	changed  time.Time         // LastChangedDate
	versions []labelledVersion // in order of creation

	// What a reader makes of it.
	ring   []document.Key
	names  []string // of the ring's keys
	bounds []document.Bounds

	// text is the same for two secrets that differ in nothing but key material and
	// version ids. Who wrote what, and how it came to this, is not in it.
	text string
	hash uint64
}

// labelledVersion is a version.
type labelledVersion struct {
	document.Version
	labels []string
}

// change is how a secret was changed.
type change int

const (
	routine    change = iota // a rotation
	driven                   // a rotation that AWS drives
	revocation               // which promises nobody that no valid webhook is refused
	outside                  // another program, or a human
)

func (w *world) read() snapshot {
	s := snapshot{since: time.Now()}
	described, err := w.backend.DescribeSecret(w.ctx, &secretsmanager.DescribeSecretInput{SecretId: &w.secret})
	w.must(err)
	w.arn, s.changed = *described.ARN, *described.LastChangedDate
	listed, err := w.backend.ListSecretVersionIds(w.ctx, &secretsmanager.ListSecretVersionIdsInput{SecretId: &w.secret, IncludeDeprecated: aws.Bool(true)})
	w.must(err)
	for _, v := range listed.Versions {
		s.versions = append(s.versions, labelledVersion{w.document(*v.VersionId, *v.CreatedDate), v.VersionStages})
	}
	return s
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

// document reads what a version holds, which is for ever, once it holds something.
func (w *world) document(id string, created time.Time) document.Version {
	v := document.Version{ID: id, Created: created, Document: w.documents[id]}
	if v.Document != nil {
		return v
	}
	out, err := w.backend.GetSecretValue(w.ctx, &secretsmanager.GetSecretValueInput{SecretId: &w.secret, VersionId: &id})
	if err != nil { // a rotation has announced the version, and nobody has put it
		return v
	}
	v.Document, err = document.Decode(*out.SecretString)
	w.must(err)
	w.documents[id] = v.Document
	return v
}

// holder is the id of the version that has a label, or "".
func (s *snapshot) holder(label string) string {
	if v := s.labelled(label); v != nil {
		return v.ID
	}
	return ""
}

func (s *snapshot) labelled(label string) *labelledVersion {
	i := slices.IndexFunc(s.versions, func(v labelledVersion) bool { return slices.Contains(v.labels, label) })
	if i < 0 {
		return nil
	}
	return &s.versions[i]
}

// view makes of a snapshot what a reader does. The names of keys are given in the
// order in which they appear.
func (s *snapshot) view(l *history) error {
	current := s.labelled("AWSCURRENT")
	if current == nil || current.Document == nil {
		return errors.New("no version is current, or it is empty")
	}
	var previous *document.Version
	if v := s.labelled("AWSPREVIOUS"); v != nil && v.Document != nil {
		previous = &v.Version
	}
	s.describe(l)
	s.ring = document.Ring(current.Version, previous, s.changed)
	for _, k := range s.ring {
		s.names = append(s.names, l.nameOf(k))
		s.bounds = append(s.bounds, k.Bounds())
	}
	return nil
}

// describe writes the snapshot's text.
func (s *snapshot) describe(l *history) {
	ordinals := map[string]string{"": "-"}
	for i, v := range s.versions {
		ordinals[v.ID] = fmt.Sprintf("v%d", i)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "changed %d", l.offset(s.changed))
	for _, v := range s.versions {
		fmt.Fprintf(&b, "\n%s of %d %v", ordinals[v.ID], l.offset(v.Created), v.labels)
		if v.Document == nil {
			continue
		}
		fmt.Fprintf(&b, " after %s revoked", ordinals[v.Document.Base])
		for _, kid := range v.Document.Revoked {
			fmt.Fprintf(&b, " %s", ordinals[kid])
		}
		for _, k := range slices.Concat([]document.Key{v.Document.Key}, v.Document.Previous) {
			fmt.Fprintf(&b, ", %s=%s of %d from %d to %d", ordinals[k.KID], l.nameOf(k), l.offset(k.CreatedAt), l.offset(k.SignAfter), l.offset(k.NotAfter))
		}
	}
	s.text = b.String()
	s.hash = hash(s.text)
}

// needsPrevious tells whether somebody has written without regard to AWSPREVIOUS.
func (s *snapshot) needsPrevious() bool {
	return s.labelled("AWSCURRENT").NeedsPrevious(s.holder("AWSPREVIOUS"))
}
