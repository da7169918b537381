package engine

import (
	"context"
	"fmt"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"

	"orka/watch"
	"orka/watch/kube"
)

// mayList asks the server by one SelfSubjectRulesReview which of the kinds may be listed in a namespace. A kind that may
// be listed but not watched counts: its watcher polls. Authorizers that can't enumerate their rules (webhooks, as managed
// clusters have them) say that the answer is incomplete; with each, what the rules don't name is then asked kind by kind.
func mayList(ctx context.Context, client *kube.Client, namespace string, kinds []*watch.Kind, each bool) (map[*watch.Kind]bool, error) {
	api, err := authorization.NewForConfigAndClient(client.Config(), client.HTTP())
	if err != nil {
		return nil, err
	}
	review, err := api.SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("rules in namespace %s: %w", namespace, err)
	}
	out := map[*watch.Kind]bool{}
	for _, k := range kinds {
		may := allows(review.Status.ResourceRules, k, "list")
		if !may && each && review.Status.Incomplete {
			if may, err = mayListIn(ctx, api, k, namespace); err != nil {
				return out, err
			}
		}
		if may {
			out[k] = true
		}
	}
	return out, nil
}

// mayListIn asks by a SelfSubjectAccessReview whether a kind may be listed in a namespace, "" meaning all together.
func mayListIn(ctx context.Context, api authorization.SelfSubjectAccessReviewsGetter, k *watch.Kind, namespace string) (bool, error) {
	review, err := api.SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: "list", Group: k.Group, Version: k.Version, Resource: k.Resource, Namespace: namespace,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("permission to list %s: %w", k.ResourceName(), err)
	}
	return review.Status.Allowed, nil
}

// deniedEverywhere reports whether the server says that a kind may not be listed cluster-wide.
func deniedEverywhere(ctx context.Context, client *kube.Client, k *watch.Kind) (bool, error) {
	api, err := authorization.NewForConfigAndClient(client.Config(), client.HTTP())
	if err != nil {
		return false, err
	}
	may, err := mayListIn(ctx, api, k, "")
	return err == nil && !may, err
}

// allows reports whether a rule without resource names grants verb on all objects of a kind.
func allows(rules []authorizationv1.ResourceRule, k *watch.Kind, verb string) bool {
	has := func(list []string, want string) bool {
		return slices.Contains(list, want) || slices.Contains(list, "*")
	}
	return slices.ContainsFunc(rules, func(r authorizationv1.ResourceRule) bool {
		return len(r.ResourceNames) == 0 && has(r.Verbs, verb) && has(r.APIGroups, k.Group) && has(r.Resources, k.Resource)
	})
}
