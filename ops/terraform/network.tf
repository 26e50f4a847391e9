# The services must be on before anything is made; deploy.sh prepare turns on those that it needs itself.
resource "google_project_service" "on" {
  for_each = toset([
    "billingbudgets.googleapis.com",
    "compute.googleapis.com",
    "iam.googleapis.com",
    "monitoring.googleapis.com",
    "redis.googleapis.com",
    "secretmanager.googleapis.com",
    "servicenetworking.googleapis.com",
    "sqladmin.googleapis.com",
  ])

  service            = each.value
  disable_on_destroy = false
}

resource "google_compute_network" "popups" {
  name                    = "popups"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.on]
}

# Direct VPC egress takes up to two addresses an instance, and keeps them for a while: room for some hundred instances.
resource "google_compute_subnetwork" "popups" {
  name                     = "popups"
  network                  = google_compute_network.popups.id
  ip_cidr_range            = "10.10.0.0/22"
  private_ip_google_access = true
}

# Where Google puts Postgres and Redis.
resource "google_compute_global_address" "managed" {
  name          = "popups-managed"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.popups.id
}

resource "google_service_networking_connection" "managed" {
  network                 = google_compute_network.popups.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.managed.name]
}
