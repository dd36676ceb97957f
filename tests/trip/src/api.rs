//! The HTTP API: booking and reading trips.

use axum::extract::State;
use decider::StreamId;
use runtime::{Api, App, AsOf, Config};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Json, Path, Problem};

use crate::{
    contracts::TripId,
    flight::{self, Flight},
    hotel::Hotel,
    journal::Journal,
};

#[derive(OpenApi)]
#[openapi(info(title = "Flight service"))]
struct FlightInfo;

#[derive(OpenApi)]
#[openapi(info(title = "Hotel service"))]
struct HotelInfo;

#[derive(OpenApi)]
#[openapi(info(title = "Journal"))]
struct JournalInfo;

/// A trip to book.
#[derive(Debug, Deserialize, ToSchema)]
struct NewTrip {
    traveller: String,
    hotel: String,
}

/// A trip and its status: `booked`, `confirmed` or `cancelled`.
#[derive(Debug, Serialize, ToSchema)]
struct TripView {
    trip_id: TripId,
    status: &'static str,
}

/// Names of the recorded events about a trip, sorted.
#[derive(Debug, Serialize, ToSchema)]
struct JournalView {
    events: Vec<String>,
}

/// Routes of the flight service.
///
/// # Errors
/// None.
pub fn flight(app: App<Flight>, _: &Config) -> anyhow::Result<Api> {
    let router = OpenApiRouter::with_openapi(FlightInfo::openapi()).routes(routes!(book)).routes(routes!(get));
    let (routes, description) = router.with_state(app).split_for_parts();
    Ok(Api { routes, description })
}

/// Routes of the hotel service: only those that every service has.
///
/// # Errors
/// None.
pub fn hotel(app: App<Hotel>, _: &Config) -> anyhow::Result<Api> {
    let router = OpenApiRouter::with_openapi(HotelInfo::openapi());
    let (routes, description) = router.with_state(app).split_for_parts();
    Ok(Api { routes, description })
}

/// Routes of the journal.
///
/// # Errors
/// None.
pub fn journal(app: App<Journal>, _: &Config) -> anyhow::Result<Api> {
    let router = OpenApiRouter::with_openapi(JournalInfo::openapi()).routes(routes!(recorded));
    let (routes, description) = router.with_state(app).split_for_parts();
    Ok(Api { routes, description })
}

/// Book a trip
#[utoipa::path(post, path = "/trips", responses((status = 200, body = TripView)))]
async fn book(State(app): State<App<Flight>>, Json(trip): Json<NewTrip>) -> Result<axum::Json<TripView>, Problem> {
    let trip_id = TripId(Uuid::now_v7());
    let command = flight::Command::Book { trip_id, traveller: trip.traveller, hotel: trip.hotel };
    let decided = app.submit(command, None, None).await?;
    Ok(axum::Json(TripView { trip_id, status: (&decided.state).into() }))
}

/// Look at a trip
#[utoipa::path(get, path = "/trips/{trip_id}", params(("trip_id" = Uuid, Path)),
    responses((status = 200, body = TripView)))]
async fn get(State(app): State<App<Flight>>, Path(trip_id): Path<TripId>) -> Result<axum::Json<TripView>, Problem> {
    let found = app.state(StreamId::new("flight", trip_id), AsOf::Latest).await?;
    let (state, _) = found.ok_or_else(|| Problem::not_found(format!("trip {trip_id} is unknown")))?;
    Ok(axum::Json(TripView { trip_id, status: (&state).into() }))
}

/// Look at the events about a trip
#[utoipa::path(get, path = "/trips/{trip_id}/events", params(("trip_id" = Uuid, Path)),
    responses((status = 200, body = JournalView)))]
async fn recorded(
    State(app): State<App<Journal>>,
    Path(trip_id): Path<TripId>,
) -> Result<axum::Json<JournalView>, Problem> {
    let found = app.state(StreamId::new("journal", trip_id), AsOf::Latest).await?;
    let mut events: Vec<_> = found.map(|(state, _)| state.events.into_values().collect()).unwrap_or_default();
    events.sort();
    Ok(axum::Json(JournalView { events }))
}
