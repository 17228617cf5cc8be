package secretstest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go/middleware"
)

// TagResource adds tags to a secret, and gives those it has new values.
func (b *Backend) TagResource(
	ctx context.Context, in *secretsmanager.TagResourceInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.TagResourceOutput, error) {
	return tagResource.invoke(ctx, b, in)
}

var tagResource = operation[secretsmanager.TagResourceInput, secretsmanager.TagResourceOutput]{
	name: "TagResource",
	check: func(c *checks, in *secretsmanager.TagResourceInput) {
		c.secretID(in.SecretId)
		c.given("Tags", in.Tags != nil)
		c.tags(in.Tags)
	},
	subject: func(in *secretsmanager.TagResourceInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.TagResourceOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).tagResource,
}

func (r *request) tagResource(in *secretsmanager.TagResourceInput) (*secretsmanager.TagResourceOutput, error) {
	s, err := r.writable(in.SecretId)
	if err != nil {
		return nil, err
	}
	if err := usableTags(in.Tags); err != nil {
		return nil, err
	}
	s = s.edit(r.date())
	s.tags = withTags(s.tags, in.Tags)
	if len(s.tags) > maxTags {
		// The quota is documented, the answer to exceeding it is not recorded; the
		// service model gives TagResource no LimitExceededException.
		return nil, invalidParameter(fmt.Sprintf("A secret can have at most %d tags.", maxTags))
	}
	r.publish(s)
	return &secretsmanager.TagResourceOutput{}, nil
}

// UntagResource takes tags off a secret; those it does not have are no error.
func (b *Backend) UntagResource(
	ctx context.Context, in *secretsmanager.UntagResourceInput, _ ...func(*secretsmanager.Options),
) (*secretsmanager.UntagResourceOutput, error) {
	return untagResource.invoke(ctx, b, in)
}

var untagResource = operation[secretsmanager.UntagResourceInput, secretsmanager.UntagResourceOutput]{
	name: "UntagResource",
	check: func(c *checks, in *secretsmanager.UntagResourceInput) {
		c.secretID(in.SecretId)
		c.given("TagKeys", in.TagKeys != nil)
		for i := range in.TagKeys {
			c.text(fmt.Sprintf("tagKeys.%d.member", i+1), &in.TagKeys[i], 1, 128)
		}
	},
	subject: func(in *secretsmanager.UntagResourceInput) Call {
		return Call{SecretID: aws.ToString(in.SecretId)}
	},
	metadata: func(out *secretsmanager.UntagResourceOutput) *middleware.Metadata { return &out.ResultMetadata },
	run:      (*request).untagResource,
}

func (r *request) untagResource(in *secretsmanager.UntagResourceInput) (*secretsmanager.UntagResourceOutput, error) {
	s, err := r.writable(in.SecretId)
	if err != nil {
		return nil, err
	}
	s = s.edit(r.date())
	s.tags = slices.DeleteFunc(slices.Clone(s.tags), func(t tag) bool { return slices.Contains(in.TagKeys, t.key) })
	r.publish(s)
	return &secretsmanager.UntagResourceOutput{}, nil
}

// tags checks the sizes of tags; their number is not in the service model.
func (c *checks) tags(tags []types.Tag) {
	for i, t := range tags {
		c.text(fmt.Sprintf("tags.%d.member.key", i+1), t.Key, 1, 128)
		c.text(fmt.Sprintf("tags.%d.member.value", i+1), t.Value, 0, 256)
	}
}

// usableTags refuses tags without a key, with a key that AWS reserves, and two
// with one key. That aws: is reserved is documented; the answers to the three
// are not recorded.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html
func usableTags(tags []types.Tag) error {
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		switch key := aws.ToString(t.Key); {
		case t.Key == nil:
			return invalidParameter("A tag must have a key.")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalidParameter("Tag keys that begin with aws: are reserved.")
		case seen[key]:
			return invalidParameter("A tag key can be given only once.")
		default:
			seen[key] = true
		}
	}
	return nil
}

// withTags adds tags to a copy of the list.
func withTags(tags []tag, added []types.Tag) []tag {
	tags = slices.Clone(tags)
	for _, t := range added {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		if i := slices.IndexFunc(tags, func(t tag) bool { return t.key == key }); i >= 0 {
			tags[i].value = value
			continue
		}
		tags = append(tags, tag{key, value})
	}
	return tags
}
