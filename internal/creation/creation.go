// Package creation makes the request that creates a secret: its name, tags, key and
// version id, whoever creates it and whatever is in it.
package creation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/formbridge/tenantsecrets/internal/document"
	"github.com/formbridge/tenantsecrets/internal/reader"
)

const (
	maxTags           = 50 // Secrets Manager API reference, CreateSecret, Tags
	maxIdempotencyKey = 256
)

// Secret is what is to be created.
type Secret struct {
	reader.Identity
	KMSKeyID, Description string // "": none is sent
	Tags                  map[string]string
	IdempotencyKey        string // "": every request makes a version of its own
}

// Request returns the request but for the value. The error is the caller's mistake, in
// words.
func (s Secret) Request() (*secretsmanager.CreateSecretInput, error) {
	if len(s.IdempotencyKey) > maxIdempotencyKey {
		return nil, fmt.Errorf("an idempotency key has at most %d bytes", maxIdempotencyKey)
	}
	tags, err := s.tags()
	if err != nil {
		return nil, err
	}
	return &secretsmanager.CreateSecretInput{
		Name:               &s.Name,
		ClientRequestToken: aws.String(s.versionID()),
		Tags:               tags,
		Description:        optional(s.Description),
		KmsKeyId:           optional(s.KMSKeyID),
	}, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// versionID is random, or the same for every call with one idempotency key.
func (s Secret) versionID() string {
	if s.IdempotencyKey == "" {
		return document.RandomVersionID()
	}
	return document.VersionID("tenantsecrets create", s.Name, s.IdempotencyKey)
}

func (s Secret) tags() ([]types.Tag, error) {
	all := map[string]string{}
	for _, tag := range s.Identity.Tags() {
		all[tag.Key] = tag.Value
	}
	ours := slices.Collect(maps.Keys(all))
	for tag, value := range s.Tags {
		// Policies match the keys of tags without regard to case.
		if slices.ContainsFunc(ours, func(name string) bool { return strings.EqualFold(name, tag) }) {
			return nil, fmt.Errorf("the tag %s is set by the library", tag)
		}
		all[tag] = value
	}
	if len(all) > maxTags {
		return nil, fmt.Errorf("%d tags, with the library's own; at most %d are allowed", len(all), maxTags)
	}
	var tags []types.Tag
	for _, tag := range slices.Sorted(maps.Keys(all)) {
		tags = append(tags, types.Tag{Key: aws.String(tag), Value: aws.String(all[tag])})
	}
	return tags, nil
}
