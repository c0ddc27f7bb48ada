// The yardstick: what a control plane for Consul costs at the least, built on go-control-plane's LinearCache as many are.
// It knows no load, no draining and no faults; it tells every Envoy of all servers at once.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type instance struct {
	Service struct {
		Address string
		Port    uint32
	}
	Checks []struct{ Status string }
}

func (i instance) critical() bool {
	for _, check := range i.Checks {
		if check.Status == "critical" {
			return true
		}
	}
	return false
}

func (i instance) endpoint() *endpointv3.LbEndpoint {
	health := corev3.HealthStatus_HEALTHY
	if i.critical() {
		health = corev3.HealthStatus_DEGRADED
	}
	address := &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Protocol:      corev3.SocketAddress_UDP,
		Address:       i.Service.Address,
		PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: i.Service.Port},
	}}}
	return &endpointv3.LbEndpoint{
		HealthStatus:   health,
		HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address}},
	}
}

// ask is one blocking query.
func ask(url string) ([]instance, string, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("status %s", answer.Status)
	}
	var instances []instance
	err = json.NewDecoder(answer.Body).Decode(&instances)
	return instances, answer.Header.Get("X-Consul-Index"), err
}

func watch(consul, service string, endpoints *cache.LinearCache) {
	index := "0"
	for {
		instances, next, err := ask(fmt.Sprintf("%s/v1/health/service/%s?wait=60s&index=%s", consul, service, index))
		if err != nil {
			log.Fatal(err)
		}
		index = next
		locality := &endpointv3.LocalityLbEndpoints{}
		for _, i := range instances {
			locality.LbEndpoints = append(locality.LbEndpoints, i.endpoint())
		}
		assignment := &endpointv3.ClusterLoadAssignment{
			ClusterName: service,
			Endpoints:   []*endpointv3.LocalityLbEndpoints{locality},
			Policy:      &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: wrapperspb.UInt32(1_000_000)},
		}
		if err := endpoints.UpdateResource(service, assignment); err != nil {
			log.Fatal(err)
		}
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "where Envoys connect")
	consul := flag.String("consul", "http://127.0.0.1:8500", "a Consul agent")
	service := flag.String("service", "bolina", "the service to serve")
	flag.Parse()
	endpoints := cache.NewLinearCache(resource.EndpointType)
	go watch(*consul, *service, endpoints)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, "listening on", listener.Addr())
	streams := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(streams, server.NewServer(context.Background(), endpoints, nil))
	log.Fatal(streams.Serve(listener))
}
