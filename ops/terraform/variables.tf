variable "project" {
  description = "The id of the Google Cloud project, which exists and has billing."
  type        = string
}

variable "region" {
  description = "Where everything is, such as europe-west1."
  type        = string
}

variable "domain" {
  description = "The front door's domain, such as popups.example.com."
  type        = string
}

variable "email" {
  description = "Whom the alerts and the budget tell."
  type        = string
}

variable "deployer" {
  description = "Who deploys afterwards, such as user:ann@example.com or serviceAccount:…; empty: whoever prepares."
  type        = string
  default     = ""
}

variable "billing_account" {
  description = "The billing account of the budget; empty: no budget."
  type        = string
  default     = ""
}

variable "budget" {
  description = "What a month should cost at most, in the billing account's currency. The budget tells, it does not stop."
  type        = number
  default     = 150
}

variable "highly_available" {
  description = "Whether Postgres and Redis have a standby in another zone, which doubles what they cost."
  type        = bool
  default     = false
}

variable "tier" {
  description = "The machine of Cloud SQL. This one has 1 vCPU, 3.75 GB and 97 connections, which the defaults fit twice."
  type        = string
  default     = "db-custom-1-3840"
}

variable "retain_days" {
  description = "After how many days events are deleted. The statistics stay."
  type        = number
  default     = 400
}

variable "services" {
  description = "The service of each function, as functions.toml names it: its service account has the same name."
  type        = map(string)
  default = {
    get_active_popups = "shop-content"
    track_view        = "shop-notes"
    track_conversion  = "shop-replies"
    manage_popups     = "shop-desk"
    stats             = "shop-reports"
    receive_orders    = "shop-mail"
  }
}
